/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Every level is an array; each 256 hashes of one are folded to one of the next. */
#include "leaf_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

struct bytes leaf_log_entry(int64_t index, char out[32])
{
    return bytes_of(out, (size_t)snprintf(out, 32, "leaf %" PRId64, index));
}

/* Checks itself against the reference in test_tree.c, as everything over it does. */
static struct sha256 tile_root(const struct sha256 *hashes)
{
    struct sha256 row[TREE_TILE_WIDTH];
    memcpy(row, hashes, sizeof row);
    for (size_t count = TREE_TILE_WIDTH; count > 1; count /= 2) {
        for (size_t i = 0; i < count / 2; i++)
            row[i] = tree_node_hash(&row[2 * i], &row[2 * i + 1]);
    }
    return row[0];
}

void leaf_log_make(struct leaf_log *log, int64_t size)
{
    char text[32];
    *log = (struct leaf_log){.size = size};
    for (unsigned level = 0; level < TREE_LEVELS; level++)
        log->levels[level] =
            calloc((size_t)(size >> (TREE_TILE_HEIGHT * level)) + 1, sizeof **log->levels);
    for (int64_t i = 0; i < size; i++)
        log->levels[0][i] = tree_leaf_hash(leaf_log_entry(i, text));
    for (unsigned level = 1; level < TREE_LEVELS; level++) {
        for (int64_t i = 0; i < size >> (TREE_TILE_HEIGHT * level); i++)
            log->levels[level][i] = tile_root(&log->levels[level - 1][i * TREE_TILE_WIDTH]);
    }
}

void leaf_log_free(struct leaf_log *log)
{
    for (unsigned level = 0; level < TREE_LEVELS; level++)
        free(log->levels[level]);
}

static enum error read_hashes(void *context, unsigned level, int64_t first, size_t count,
                              struct sha256 *out, struct fault *fault)
{
    struct leaf_log *log = context;
    int64_t last = first + (int64_t)count - 1;
    /* One assertion, because each costs a system call. */
    ck_assert(level < TREE_LEVELS && first >= 0 && count >= 1 &&
              first / TREE_TILE_WIDTH == last / TREE_TILE_WIDTH &&
              last < log->visible >> (TREE_TILE_HEIGHT * level));
    if (++log->reads == log->fail_at)
        return fault_set(fault, ERR_LEDGER_UNAVAILABLE, "test", "The read fails.", 0);
    memcpy(out, &log->levels[level][first], count * sizeof *out);
    return ERR_OK;
}

struct tree_source leaf_log_see(struct leaf_log *log, int64_t size)
{
    ck_assert_int_le(size, log->size);
    log->visible = size;
    log->reads = 0;
    return (struct tree_source){.read = read_hashes, .context = log};
}
