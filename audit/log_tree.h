/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The tree over an export's leaves: the root of any of its beginnings.
 *
 * Kept is one hash for each 256 leaves, which the threads of a leaf_stream set; leaf hashes are
 * made again where they are needed. Private to audit/. Threads: different tiles may be set by
 * different threads; the rest is for one thread, after them.
 */
#ifndef AUDIT_LOG_TREE_H
#define AUDIT_LOG_TREE_H

#include <stdint.h>

#include "journal/export.h"
#include "journal/tree.h"

struct log_tree;

/* file is borrowed. ERR_INTERNAL ("memory"). */
enum error log_tree_new(const struct export_file *file, struct log_tree **ret_tree,
                        struct fault *fault) MUST_USE;
/* NULL is allowed. */
void log_tree_free(struct log_tree *tree);

/* The root over the full tile of that number, made from its TREE_TILE_WIDTH leaf hashes, which are
 * spoilt. A tile that is not full is ignored. */
void log_tree_set(struct log_tree *tree, int64_t tile, struct sha256 *hashes, size_t count);
/* When all full tiles were set: the hashes above them. */
enum error log_tree_finish(struct log_tree *tree, struct fault *fault) MUST_USE;
/* The root of the first size leaves, 0 to all. */
enum error log_tree_root(struct log_tree *tree, int64_t size, struct sha256 *ret_root,
                         struct fault *fault) MUST_USE;

#endif
