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

#define LEDGER_CHECK_KEY_MAX 1024 /* bytes of a key in DER */

struct ledger_checked {
    int64_t leaves;
    struct sha256 root;
    int64_t checkpoint_size;   /* leaves that its checkpoint covers; -1: there is none */
    bool is_signature_checked; /* of the checkpoint */
    int64_t schema;
    int64_t images;
    /* With a key: the checkpoint key that signs what is made of this ledger, DER. The one that was
     * given, or the one that its leaves lead to from there. */
    uint8_t key[LEDGER_CHECK_KEY_MAX];
    size_t key_length;
};

struct ledger_files {
    const char *path;                /* of the database; no part of it is a symbolic link */
    int images;                      /* the folder of the images that must be there */
    const struct manifest *manifest; /* which of them are known to be missing; NULL: none */
};

/*
 * checkpoint_key is the DER SubjectPublicKeyInfo of the HSM's first checkpoint key, or of a later
 * one: the one of them that signs heads of the checkpoint's size must have signed it
 * (journal/key_chain.h). Empty: its signature is not looked at. ERR_BAD_REQUEST: BACKUP_DAMAGED;
 * "checkpoint-..." and "key-malformed" as checkpoint_open.
 */
enum error ledger_check(const struct ledger_files *files, struct bytes checkpoint_key,
                        struct ledger_checked *ret_checked, struct fault *fault) MUST_USE;

#endif
