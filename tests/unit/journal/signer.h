/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A checkpoint key in memory, in the place of an HSM's. Whatever cannot be made fails the test.
 * Threads: one.
 */
#ifndef TESTS_UNIT_JOURNAL_SIGNER_H
#define TESTS_UNIT_JOURNAL_SIGNER_H

#include <stddef.h>
#include <stdint.h>

#include "journal/checkpoint.h"

struct signer {
    void *key; /* EVP_PKEY */
    uint8_t spki[512];
    size_t spki_length;
    char pem[1024]; /* PUBLIC KEY */
};

/* type: "P-256", "P-384", "RSA" or "ED25519". Free with signer_clear. */
void signer_make(struct signer *signer, const char *type);
void signer_clear(struct signer *signer);
struct bytes signer_spki(const struct signer *signer);

/* ECDSA with SHA-256, DER; returns its length. */
size_t signer_sign(const struct signer *signer, struct bytes data, uint8_t out[CHECKPOINT_DER_MAX]);
/* The note of a checkpoint, with NUL; returns its length without it. */
size_t signer_note(const struct signer *signer, const struct checkpoint *checkpoint,
                   char out[CHECKPOINT_NOTE_MAX]);
/* One more signature line at the end of a note. */
void signer_add_line(const char *name, struct bytes key_id, struct bytes signature, char *note);

#endif
