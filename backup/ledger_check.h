/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether a file is a whole ledger: SQLite's own check, every leaf against the stored tree, the
 * root against the checkpoint, and every image that it names against the images that are there.
 * Tables and leaves behind the checkpoint are bound by nothing here: unpacked_check_note does it.
 * It is opened for writing, as its log demands, and is not changed. Threads: a pure function.
 */
#ifndef BACKUP_LEDGER_CHECK_H
#define BACKUP_LEDGER_CHECK_H

#include <stdbool.h>

#include "backup/manifest.h"

struct ledger_checked {
    int64_t leaves;
    struct sha256 root;
    int64_t checkpoint_size;   /* leaves that its checkpoint covers; -1: there is none */
    bool is_signature_checked; /* of the checkpoint */
    int64_t schema;
    int64_t images;
};

struct ledger_files {
    const char *path;                /* of the database; no part of it is a symbolic link */
    int images;                      /* the folder of the images that must be there */
    const struct manifest *manifest; /* which of them are known to be missing; NULL: none */
};

/*
 * checkpoint_key is the DER
 * SubjectPublicKeyInfo that must have signed the checkpoint; empty: its signature is not looked at.
 * ERR_BAD_REQUEST: BACKUP_DAMAGED; "checkpoint-..." and "key-malformed" as checkpoint_open.
 */
enum error ledger_check(const struct ledger_files *files, struct bytes checkpoint_key,
                        struct ledger_checked *ret_checked, struct fault *fault) MUST_USE;

#endif
