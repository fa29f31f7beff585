/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The signed notes of the C2SP, of which a checkpoint is one kind: a body, an empty line, and one
 * line per signature. What a body says is another file's matter. The key and the signature are
 * those of journal/checkpoint.h. Threads: pure functions.
 */
#ifndef JOURNAL_NOTE_H
#define JOURNAL_NOTE_H

#include <stdbool.h>

#include "journal/checkpoint.h"

struct note_parts {
    struct bytes body;  /* what is signed, with the newline at its end */
    struct bytes lines; /* the signatures; note_lines_are_signatures holds */
};

enum note_verdict {
    NOTE_SIGNED,
    NOTE_OTHER_KEY, /* no line is of this key and name */
    NOTE_FORGED,    /* a line of the key does not hold */
    NOTE_KEY_MALFORMED
};

/* body is shorter than CHECKPOINT_BODY_MAX. ERR_INTERNAL when the signature is none. */
enum error note_write(struct bytes body, const char *name, struct bytes spki,
                      struct bytes signature, char out[CHECKPOINT_NOTE_MAX],
                      struct fault *fault) MUST_USE;
enum note_verdict note_check(const struct note_parts *parts, const char *name, struct bytes spki);

/* A P-256 key with a named curve and an uncompressed point. */
bool note_key_is_p256(struct bytes spki);
/* ECDSA with SHA-256, DER, by such a key. */
bool note_signature_holds(struct bytes text, struct bytes spki, struct bytes signature);

/* ---- for who reads a body ---- */

/* The next line without its newline; false at the end or when none ends it. */
bool note_next_line(struct bytes *rest, struct bytes *ret_line);
/* Of a log or a key: printable ASCII without space and plus. */
bool note_read_name(struct bytes text, char out[CHECKPOINT_ORIGIN_MAX + 1]);
/* Standard base64 of at most max bytes. */
bool note_decode(struct bytes text, uint8_t *out, size_t max, size_t *ret_length);
/* At least one, and nothing else. */
bool note_lines_are_signatures(struct bytes lines);

#endif
