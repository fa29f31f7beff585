/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the handle of ledger.h holds; for the files of this room alone. */
#ifndef LEDGER_HANDLE_H
#define LEDGER_HANDLE_H

#include "ledger/commit.h"

/* Immutable between ledger_open and ledger_stop or ledger_close. */
struct ledger {
    const struct ledger_store_ops *ops;
    struct ledger_store *store;
    struct committer *committer;
    bool is_stopped;     /* the "stop" leaf is there */
    int64_t opened_size; /* leaves before this process's */
};

/*
 * A change with a body of that many bytes, or NULL with *fault filled. Declare as
 * CHANGE_AUTO *change = ledger_change(...), fill change->body, then commit_run.
 */
struct change *ledger_change(change_apply apply, size_t body_size, struct fault *fault) MUST_USE;

#endif
