/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The files of a backup, into a folder, checked against the manifest. Owns no state. */
#ifndef BACKUP_UNPACK_H
#define BACKUP_UNPACK_H

#include <stddef.h>

#include "backup/manifest.h"
#include "backup/unseal.h"

struct unpacked {
    int64_t made_unix_ms;
    int64_t bytes; /* of all files */
    size_t images;
    struct manifest manifest; /* owned, as unpacked_clear frees it */
};

/*
 * Writes every file into the folder, durably. Only files of a backup, by their names, each once;
 * whatever is there already is a failure. What was written before a failure stays: the folder is
 * one that nobody takes for a whole. BACKUP_DAMAGED, BACKUP_WRONG_KEY, BACKUP_FILE.
 */
enum error unpack_all(struct unseal *unseal, int folder, struct unpacked *ret_unpacked,
                      struct fault *fault) MUST_USE;
/*
 * Whether the HSM with this key (DER SubjectPublicKeyInfo) signed that ledger, configuration and
 * time are these. ERR_BAD_REQUEST: BACKUP_UNSIGNED, "backup-forged", and as backup_note_open.
 */
enum error unpacked_check_note(const struct unpacked *unpacked, struct bytes checkpoint_key,
                               struct fault *fault) MUST_USE;
/* {0} is allowed. */
void unpacked_clear(struct unpacked *unpacked);

#endif
