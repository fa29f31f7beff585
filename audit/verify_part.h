/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One verification on its way, for the files that share it. Private to audit/verify*.c.
 * Threads: one.
 */
#ifndef AUDIT_VERIFY_PART_H
#define AUDIT_VERIFY_PART_H

#include "audit/documents.h"
#include "audit/log_tree.h"
#include "audit/replay.h"
#include "audit/verify.h"

#define VERIFY_SPKI_MAX 256

struct verification {
    const struct audit_request *request;
    struct audit_report *report;
    uint8_t spki[VERIFY_SPKI_MAX];
    size_t spki_length;
    char challenge[2 * EXPORT_CHALLENGE_MAX + 1];
    struct export_file *file;
    struct log_tree *tree;
    struct documents documents;
    struct replay replay;
    int64_t proven_size; /* leaves that a signed head covers which the auditor holds himself */
};

/* The checkpoint key's DER. ERR_BAD_REQUEST ("key-malformed"). */
enum error verify_read_key(struct verification *verification, struct fault *fault) MUST_USE;
struct bytes verify_spki(const struct verification *verification);

/*
 * Opens a signed head with the key that signs heads of its size. As checkpoint_open, and
 * ERR_BAD_REQUEST ("checkpoint-retired-key"): another one of the journal's keys has signed it;
 * *ret_checkpoint is set then too. After all leaves were read.
 */
enum error verify_open_head(struct verification *verification, struct bytes note,
                            struct checkpoint *ret_checkpoint, struct fault *fault) MUST_USE;
/* The checkpoint's signature; report->checkpoint. */
enum error verify_signature(struct verification *verification, struct fault *fault) MUST_USE;
/* What the auditor holds: after all leaves were read, and before verify_head. */
enum error verify_evidence(struct verification *verification, struct fault *fault) MUST_USE;
/* The signed root, the identity, and the heads that overrides name. */
enum error verify_head(struct verification *verification, struct fault *fault) MUST_USE;
/* The rows' accounts in the header against those of the leaves. */
void verify_accounts(struct verification *verification);
/* The first authorities of the governed products, when the auditor names them. */
void verify_authorities(struct verification *verification);

#endif
