/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A log in memory as whoever keeps a tree would store it, and a source over it that checks what it
 * is asked: runs within one tile, of subtrees that are complete. Threads: one log, one thread.
 */
#ifndef TESTS_UNIT_JOURNAL_LEAF_LOG_H
#define TESTS_UNIT_JOURNAL_LEAF_LOG_H

#include <stdint.h>

#include "journal/tree.h"

struct leaf_log {
    struct sha256 *levels[TREE_LEVELS];
    int64_t size;
    int64_t visible;  /* the leaves that a source may ask about */
    unsigned reads;   /* since leaf_log_see */
    unsigned fail_at; /* the read that fails, from 1; 0: none */
};

/* "leaf <index>". */
struct bytes leaf_log_entry(int64_t index, char out[32]);
/* Leaves 0 to size - 1, each leaf_log_entry. */
void leaf_log_make(struct leaf_log *log, int64_t size);
void leaf_log_free(struct leaf_log *log);

/* A source over the first size leaves; the count of reads begins again. */
struct tree_source leaf_log_see(struct leaf_log *log, int64_t size);

#endif
