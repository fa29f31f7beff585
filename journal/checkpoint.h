/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checkpoints: the signed head of a journal, as text (C2SP tlog-checkpoint and signed-note).
 *
 *     <origin>\n<size>\n<root, standard base64>\n          the body, which is what is signed
 *     \n
 *     — <origin> <base64(key id ‖ signature)>\n            one line per signature
 *
 * The signature is ECDSA P-256 with SHA-256 in DER; the key id is the first 4 bytes of SHA-256 of
 * the DER SubjectPublicKeyInfo. Lines of keys that a reader does not know are ignored, so witnesses
 * may add theirs; a wrong signature of the key that he knows rejects the whole note.
 * Threads: pure functions.
 */
#ifndef JOURNAL_CHECKPOINT_H
#define JOURNAL_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define CHECKPOINT_ORIGIN_MAX 120  /* bytes: printable ASCII without space and plus */
#define CHECKPOINT_BODY_MAX   256  /* bytes of a body, with NUL */
#define CHECKPOINT_NOTE_MAX   4096 /* bytes of a note, with NUL */
#define CHECKPOINT_DER_MAX    80   /* bytes of a signature */
#define CHECKPOINT_KEY_ID     4

struct checkpoint {
    char origin[CHECKPOINT_ORIGIN_MAX + 1];
    int64_t size; /* leaves */
    struct sha256 root;
};

/*
 * The origin of a node's journal: "<site>/provisiond/<first 16 hex digits of the HSM identity>".
 * site is a name (name_is_valid, at most 64 bytes).
 */
void checkpoint_origin(const char *site, const struct sha256 *hsm_identity,
                       char out[CHECKPOINT_ORIGIN_MAX + 1]);

/* The body's bytes, with NUL; returns their number without it. */
size_t checkpoint_body(const struct checkpoint *checkpoint, char out[CHECKPOINT_BODY_MAX]);

/*
 * Body and signature as a note, with NUL. spki is the DER key that made the signature. ERR_INTERNAL
 * when it does not fit.
 */
enum error checkpoint_note(const struct checkpoint *checkpoint, struct bytes spki,
                           struct bytes signature, char out[CHECKPOINT_NOTE_MAX],
                           struct fault *fault) MUST_USE;

/*
 * Reads a note without checking any signature: strict in form, as the one above is written, but any
 * number of signature lines, at least one. ERR_BAD_REQUEST ("checkpoint-malformed").
 */
enum error checkpoint_read(struct bytes note, struct checkpoint *ret_checkpoint,
                           struct fault *fault) MUST_USE;

/*
 * Reads a note and checks the signature of that key (DER SubjectPublicKeyInfo, P-256).
 * ERR_BAD_REQUEST: "checkpoint-malformed"; "checkpoint-other-key", no signature line is of this
 * key and named as the origin; "checkpoint-forged", a signature of the key is wrong;
 * "key-malformed", spki is no P-256 key with a named curve and an uncompressed point.
 */
enum error checkpoint_open(struct bytes note, struct bytes spki, struct checkpoint *ret_checkpoint,
                           struct fault *fault) MUST_USE;

#endif
