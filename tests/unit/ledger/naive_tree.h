/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The Merkle tree as RFC 6962 §2.1 defines it, word for word: by recursion over all leaves, with
 * nothing of the product but SHA-256. Slow, and the judge of what the ledger keeps.
 */
#ifndef TESTS_LEDGER_NAIVE_TREE_H
#define TESTS_LEDGER_NAIVE_TREE_H

#include "world.h"

/* The leaf hashes of a journal, from its raw rows. */
struct naive_tree {
    struct sha256 *leaves;
    int64_t size;
};

void naive_tree_read(struct naive_tree *tree, const struct world *world);
void naive_tree_free(struct naive_tree *tree);
/* MTH(D[first:first + count]); the empty tree's too. */
struct sha256 naive_tree_root(const struct naive_tree *tree, int64_t first, int64_t count);

/* The stored hashes are those of this journal, all of them and no other; and so is the root that
 * the ledger answers, when it is open. */
void naive_tree_check(const struct world *world);

#endif
