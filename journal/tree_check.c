/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checks of proofs, as RFC 9162 §2.1.3.2 and §2.1.4.2 write them down: a walk from a leaf's place
 * to the root, with the last place of the tree beside it to know where the right edge is. Whatever
 * the numbers, it takes as many steps as the proof has hashes. Owns no state.
 */
#include "journal/tree.h"

/* Where the walk is, counted in nodes of its height. */
struct walk {
    uint64_t at;
    uint64_t last; /* of the tree */
};

static void walk_up(struct walk *walk)
{
    walk->at >>= 1;
    walk->last >>= 1;
}

/*
 * Goes to the next node that has a sibling and says on which side that is: true for the left. A
 * last node without a right sibling is its own parent.
 */
static bool sibling_is_left(struct walk *walk)
{
    if ((walk->at & 1) == 0 && walk->at != walk->last)
        return false;
    while ((walk->at & 1) == 0 && walk->at != 0)
        walk_up(walk);
    return true;
}

static bool size_is_valid(int64_t size)
{
    return size >= 0 && size <= TREE_SIZE_MAX;
}

bool tree_inclusion_holds(const struct tree_proof *proof, const struct sha256 *leaf, int64_t index,
                          int64_t size, const struct sha256 *root)
{
    if (!size_is_valid(size) || index < 0 || index >= size || proof->count > TREE_PROOF_MAX)
        return false;
    struct walk walk = {.at = (uint64_t)index, .last = (uint64_t)size - 1};
    struct sha256 hash = *leaf;
    for (size_t i = 0; i < proof->count; i++) {
        if (walk.last == 0)
            return false; /* the walk is at the root already */
        if (sibling_is_left(&walk))
            hash = tree_node_hash(&proof->hashes[i], &hash);
        else
            hash = tree_node_hash(&hash, &proof->hashes[i]);
        walk_up(&walk);
    }
    return walk.last == 0 && sha256_equal(&hash, root);
}

/* One walk with two hashes: what the old tree has on it is on the left of the new one. */
static bool walk_both(const struct tree_proof *proof, size_t next, struct walk walk,
                      const struct sha256 *seed, const struct sha256 *old_root,
                      const struct sha256 *root)
{
    struct sha256 old_hash = *seed;
    struct sha256 hash = *seed;
    for (; next < proof->count; next++) {
        if (walk.last == 0)
            return false;
        if (sibling_is_left(&walk)) {
            old_hash = tree_node_hash(&proof->hashes[next], &old_hash);
            hash = tree_node_hash(&proof->hashes[next], &hash);
        } else {
            hash = tree_node_hash(&hash, &proof->hashes[next]);
        }
        walk_up(&walk);
    }
    return walk.last == 0 && sha256_equal(&old_hash, old_root) && sha256_equal(&hash, root);
}

bool tree_consistency_holds(const struct tree_proof *proof, int64_t old_size,
                            const struct sha256 *old_root, int64_t size, const struct sha256 *root)
{
    if (!size_is_valid(size) || old_size < 0 || old_size > size || proof->count > TREE_PROOF_MAX)
        return false;
    struct sha256 empty = tree_empty_root();
    if ((old_size == 0 && !sha256_equal(old_root, &empty)) ||
        (size == 0 && !sha256_equal(root, &empty)))
        return false;
    if (old_size == size)
        return proof->count == 0 && sha256_equal(old_root, root);
    if (old_size == 0)
        return proof->count == 0;
    /* The walk begins at the largest complete subtree that ends where the old tree ends. When that
     * is the whole old tree, the proof leaves its hash out. */
    struct walk walk = {.at = (uint64_t)old_size - 1, .last = (uint64_t)size - 1};
    while ((walk.at & 1) != 0)
        walk_up(&walk);
    if (walk.at == 0)
        return walk_both(proof, 0, walk, old_root, old_root, root);
    return proof->count > 0 && walk_both(proof, 1, walk, &proof->hashes[0], old_root, root);
}
