/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The journal as changes see it: leaves and, in the same transaction, the hashes of their tree.
 *
 * Every leaf adds its hash to level 0; a leaf that fills a tile of 256 adds the tile's root to the
 * next level, and so on. Nothing of it is kept in memory: a change that is undone takes its hashes
 * along, and a start reads none. Writer thread, inside a change.
 */
#ifndef LEDGER_JOURNAL_H
#define LEDGER_JOURNAL_H

#include "ledger/change.h"

/* Appends the entry of a leaf and what it adds to the tree. */
enum error journal_append(struct change_context *context, struct bytes entry, int64_t *ret_index,
                          struct fault *fault) MUST_USE;

/* Leaves, those of this group included. */
enum error journal_size(struct change_context *context, int64_t *ret_size,
                        struct fault *fault) MUST_USE;

/* The root of the first size leaves. ERR_BAD_REQUEST when there are fewer. */
enum error journal_root(struct change_context *context, int64_t size, struct sha256 *ret_root,
                        struct fault *fault) MUST_USE;

/* The answer for leaves that do not exist: ERR_BAD_REQUEST. */
enum error journal_too_short(struct fault *fault) MUST_USE;

#endif
