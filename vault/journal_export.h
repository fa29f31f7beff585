/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The exported journal (journal/export.h), written into a descriptor. Threads: safe from any. */
#ifndef VAULT_JOURNAL_EXPORT_H
#define VAULT_JOURNAL_EXPORT_H

#include "vault/state.h"

struct journal_export_request {
    struct bytes challenge; /* an auditor's nonce; empty: none */
    const char *by;
    int file; /* an empty regular file opened for writing; borrowed */
};

/*
 * Writes everything up to a checkpoint that covers the challenge's leaf, and *ret_head says what
 * that is. ERR_BAD_REQUEST ("challenge", "export-file"), ERR_LEDGER_UNAVAILABLE, and without an HSM
 * its faults: the newest state cannot be signed then.
 */
enum error journal_export(struct vault *vault, const struct journal_export_request *request,
                          struct ledger_head *ret_head, struct fault *fault) MUST_USE;

#endif
