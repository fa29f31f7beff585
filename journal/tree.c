/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Roots and proofs over a source of stored hashes. A tree of any size is its compact range: the
 * complete subtrees that the bits of the size name. A proof is a path within one of these, what is
 * on its right as one hash, and those on its left. Reads whole runs, two per level at most. Owns no
 * state.
 */
#include "journal/tree.h"

#include <assert.h>
#include <string.h>

static_assert(TREE_TILE_WIDTH == 1 << TREE_TILE_HEIGHT, "a tile is a complete subtree");
static_assert(TREE_SIZE_MAX == INT64_C(1) << (TREE_TILE_HEIGHT * TREE_LEVELS),
              "the top level of the largest tree is one tile");
static_assert(TREE_TILE_HEIGHT * TREE_LEVELS + 2 <= TREE_PROOF_MAX,
              "a path with the range on its left, its seed and what is on its right");

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

static enum error check_size(int64_t size, struct fault *fault)
{
    if (size < 0 || size > TREE_SIZE_MAX)
        return refuse(fault, "tree-size", "No tree has this size: ask for 0 to 2^40 leaves.");
    return ERR_OK;
}

/* Replaces count hashes, a power of 2, by the one over all of them, which is at hashes[0]. */
static void fold(struct sha256 *hashes, size_t count)
{
    for (; count > 1; count /= 2) {
        for (size_t i = 0; i < count / 2; i++)
            hashes[i] = tree_node_hash(&hashes[2 * i], &hashes[2 * i + 1]);
    }
}

/* ---- the range of a tree ---- */

/* A stored run that ends where the tree ends: the subtrees that the bits of its length name. */
static void take_run(struct tree_range *range, struct sha256 *run, size_t length)
{
    for (size_t part = TREE_TILE_WIDTH; part > 0; part /= 2) {
        if ((length & part) == 0)
            continue;
        fold(run, part);
        range->roots[range->count++] = *run;
        run += part;
    }
}

static enum error read_range(const struct tree_source *source, int64_t size,
                             struct tree_range *ret_range, struct fault *fault)
{
    struct sha256 run[TREE_TILE_WIDTH];
    struct tree_range range = {.size = size};
    for (unsigned level = TREE_LEVELS; level-- > 0;) {
        int64_t end = size >> (TREE_TILE_HEIGHT * level);
        int64_t first = level == TREE_LEVELS - 1 ? 0 : end & ~(int64_t)(TREE_TILE_WIDTH - 1);
        size_t length = (size_t)(end - first);
        if (length == 0)
            continue;
        enum error e = source->read(source->context, level, first, length, run, fault);
        if (e != ERR_OK)
            return e;
        take_run(&range, run, length);
    }
    *ret_range = range;
    return ERR_OK;
}

enum error tree_root(const struct tree_source *source, int64_t size, struct sha256 *ret_root,
                     struct fault *fault)
{
    struct tree_range range;
    enum error e = check_size(size, fault);
    if (e == ERR_OK)
        e = read_range(source, size, &range, fault);
    if (e == ERR_OK)
        *ret_root = tree_range_root(&range);
    return e;
}

/* ---- paths ---- */

/* From the node of height from that holds a leaf up to the root of the subtree of height to. */
struct path {
    int64_t leaf;
    unsigned from;
    unsigned to;
    bool has_seed; /* the path begins with the hash of the first node itself */
};

static void proof_add(struct tree_proof *proof, const struct sha256 *hash)
{
    assert(proof->count < TREE_PROOF_MAX);
    proof->hashes[proof->count++] = *hash;
}

/* The part of the path in one tile: 2^height hashes of which the one at the place is on it. */
static void climb_tile(struct sha256 *hashes, unsigned height, size_t place,
                       const struct path *path, unsigned from, struct tree_proof *proof)
{
    for (unsigned h = 0; h < height; h++, place /= 2) {
        if (h == from && path->has_seed && proof->count == 0)
            proof_add(proof, &hashes[place]);
        if (h >= from)
            proof_add(proof, &hashes[place ^ 1]);
        for (size_t i = 0; i < (size_t)1 << (height - h - 1); i++)
            hashes[i] = tree_node_hash(&hashes[2 * i], &hashes[2 * i + 1]);
    }
}

static enum error climb(const struct tree_source *source, const struct path *path,
                        struct tree_proof *proof, struct fault *fault)
{
    struct sha256 hashes[TREE_TILE_WIDTH];
    unsigned from = path->from % TREE_TILE_HEIGHT;
    for (unsigned level = path->from / TREE_TILE_HEIGHT; level * TREE_TILE_HEIGHT < path->to;
         level++, from = 0) {
        unsigned left = path->to - level * TREE_TILE_HEIGHT;
        unsigned height = left < TREE_TILE_HEIGHT ? left : TREE_TILE_HEIGHT;
        size_t count = (size_t)1 << height;
        int64_t index = path->leaf >> (TREE_TILE_HEIGHT * level);
        int64_t first = index & ~(int64_t)(count - 1);
        enum error e = source->read(source->context, level, first, count, hashes, fault);
        if (e != ERR_OK)
            return e;
        climb_tile(hashes, height, (size_t)(index - first), path, from, proof);
    }
    return ERR_OK;
}

/* ---- proofs ---- */

/* The subtree of a range in which a leaf is. */
struct place {
    size_t subtree; /* of the range's roots */
    unsigned height;
};

static struct place find_leaf(int64_t size, int64_t leaf)
{
    struct place place = {.height = TREE_TILE_HEIGHT * TREE_LEVELS};
    int64_t end = 0;
    for (;; place.height--) {
        if ((size >> place.height & 1) == 0)
            continue;
        end += INT64_C(1) << place.height;
        if (leaf < end)
            return place;
        place.subtree++;
    }
}

/* What is on the right of a subtree as one hash, then all on its left, the nearest first. */
static void add_rest(const struct tree_range *range, size_t subtree, struct tree_proof *proof)
{
    if (subtree + 1 < range->count) {
        struct sha256 right = range->roots[range->count - 1];
        for (size_t i = range->count - 1; i-- > subtree + 1;)
            right = tree_node_hash(&range->roots[i], &right);
        proof_add(proof, &right);
    }
    while (subtree-- > 0)
        proof_add(proof, &range->roots[subtree]);
}

enum error tree_inclusion(const struct tree_source *source, int64_t index, int64_t size,
                          struct tree_proof *ret_proof, struct fault *fault)
{
    struct tree_range range;
    struct tree_proof proof = {.count = 0};
    enum error e = check_size(size, fault);
    if (e != ERR_OK)
        return e;
    if (index < 0 || index >= size)
        return refuse(fault, "leaf-index", "A tree of this size has no leaf of this index.");
    struct place place = find_leaf(size, index);
    struct path path = {.leaf = index, .to = place.height};
    e = read_range(source, size, &range, fault);
    if (e == ERR_OK)
        e = climb(source, &path, &proof, fault);
    if (e != ERR_OK)
        return e;
    add_rest(&range, place.subtree, &proof);
    *ret_proof = proof;
    return ERR_OK;
}

/*
 * The proof is the path of the old tree's last leaf, from the largest complete subtree that ends
 * with it. That subtree's own hash comes first, unless it is the whole old tree.
 */
static enum error prove_growth(const struct tree_source *source, int64_t old_size, int64_t size,
                               struct tree_proof *proof, struct fault *fault)
{
    struct tree_range range;
    struct place place = find_leaf(size, old_size - 1);
    struct path path = {.leaf = old_size - 1, .to = place.height};
    while (path.from < path.to && (path.leaf >> path.from & 1) == 1)
        path.from++;
    path.has_seed = path.leaf >> path.from != 0;
    enum error e = read_range(source, size, &range, fault);
    if (e != ERR_OK)
        return e;
    if (path.from == path.to && path.has_seed)
        proof_add(proof, &range.roots[place.subtree]);
    e = climb(source, &path, proof, fault);
    if (e == ERR_OK)
        add_rest(&range, place.subtree, proof);
    return e;
}

enum error tree_consistency(const struct tree_source *source, int64_t old_size, int64_t size,
                            struct tree_proof *ret_proof, struct fault *fault)
{
    struct tree_proof proof = {.count = 0};
    enum error e = check_size(size, fault);
    if (e != ERR_OK)
        return e;
    if (old_size < 0 || old_size > size)
        return refuse(fault, "tree-size", "The older tree is larger than the newer one.");
    if (old_size > 0 && old_size < size)
        e = prove_growth(source, old_size, size, &proof, fault);
    if (e == ERR_OK)
        *ret_proof = proof;
    return e;
}
