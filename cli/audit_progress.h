/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How far an audit is, on standard error: on a terminal only, and only when it lasts over a second.
 * Threads: main thread.
 */
#ifndef CLI_AUDIT_PROGRESS_H
#define CLI_AUDIT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct audit_progress {
    int64_t next_ms; /* when it is drawn next, on the monotonic clock */
    bool is_drawn;
};

/* Returns the function to give to an audit, or NULL when nobody looks; progress is its context. */
typedef void (*audit_progress_call)(void *context, uint64_t done, uint64_t all);
audit_progress_call audit_progress_begin(struct audit_progress *progress);
/* Takes the line away again. */
void audit_progress_end(struct audit_progress *progress);

#endif
