/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The Merkle tree of RFC 6962 §2.1 over a list of entries: hashes, roots, proofs and their checks.
 *
 *     leaf hash = SHA-256(0x00 ‖ entry)    node hash = SHA-256(0x01 ‖ left ‖ right)
 *     the root of the empty tree = SHA-256("")
 *
 * Whoever keeps a tree stores the roots of its complete subtrees of 256^level leaves, level 0 being
 * the leaf hashes: these are the hashes of C2SP tlog-tiles. A root follows from at most 255 of them
 * per level (one read), a proof from at most one tile more per level (one read more), so that
 * neither ever hashes the whole log again.
 * Threads: pure functions; a source says for itself.
 */
#ifndef JOURNAL_TREE_H
#define JOURNAL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define TREE_TILE_HEIGHT 8
#define TREE_TILE_WIDTH  256
#define TREE_SIZE_MAX    (INT64_C(1) << 40) /* leaves */
#define TREE_LEVELS      5                  /* 256^5 = 2^40 */
#define TREE_PROOF_MAX   64                 /* hashes of a proof for a tree of TREE_SIZE_MAX */

struct sha256 tree_leaf_hash(struct bytes entry);
struct sha256 tree_node_hash(const struct sha256 *left, const struct sha256 *right);
struct sha256 tree_empty_root(void);

/*
 * Where stored hashes come from: count of them (1 to TREE_TILE_WIDTH, within one tile) of a level,
 * from index first on, into out. Only hashes of subtrees that are complete in the tree asked about
 * are asked for. On failure *fault is filled.
 */
struct tree_source {
    enum error (*read)(void *context, unsigned level, int64_t first, size_t count,
                       struct sha256 *out, struct fault *fault);
    void *context;
};

struct tree_proof {
    struct sha256 hashes[TREE_PROOF_MAX];
    size_t count;
};

/* ---- over a source; their errors are the source's, and ERR_BAD_REQUEST for a size or index that
 * does not exist ---- */

/* The root of the first size leaves, 0 to TREE_SIZE_MAX. */
enum error tree_root(const struct tree_source *source, int64_t size, struct sha256 *ret_root,
                     struct fault *fault) MUST_USE;
/* That the leaf of this index is in the tree of the first size leaves (RFC 6962 §2.1.1). */
enum error tree_inclusion(const struct tree_source *source, int64_t index, int64_t size,
                          struct tree_proof *ret_proof, struct fault *fault) MUST_USE;
/*
 * That the tree of size leaves begins with the tree of old_size leaves (RFC 6962 §2.1.2). Equal
 * trees, and the empty one, need no hashes: the proof is empty.
 */
enum error tree_consistency(const struct tree_source *source, int64_t old_size, int64_t size,
                            struct tree_proof *ret_proof, struct fault *fault) MUST_USE;

/* ---- checks: true only when the proof proves it; any bytes are allowed ---- */

bool tree_inclusion_holds(const struct tree_proof *proof, const struct sha256 *leaf, int64_t index,
                          int64_t size, const struct sha256 *root) MUST_USE;
bool tree_consistency_holds(const struct tree_proof *proof, int64_t old_size,
                            const struct sha256 *old_root, int64_t size,
                            const struct sha256 *root) MUST_USE;

/* ---- reading a whole log from its first leaf: the roots of the complete subtrees so far ---- */

struct tree_range {
    struct sha256 roots[TREE_PROOF_MAX]; /* the largest subtree first */
    size_t count;
    int64_t size; /* leaves */
};

/* A zeroed range is the empty tree. */
void tree_range_add(struct tree_range *range, const struct sha256 *leaf);
/*
 * Adds a complete subtree of 2^height leaves, whose root another thread made. range->size must be a
 * multiple of 2^height.
 */
void tree_range_add_subtree(struct tree_range *range, unsigned height, const struct sha256 *root);
struct sha256 tree_range_root(const struct tree_range *range);

#endif
