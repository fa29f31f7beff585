/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The stored levels of the tree; level 0, the leaf hashes, is made when it is asked for. */
#include "audit/log_tree.h"

#include <stdlib.h>
#include <string.h>

struct log_tree {
    const struct export_file *file;
    struct sha256 *levels[TREE_LEVELS]; /* [0] stays NULL */
    size_t counts[TREE_LEVELS];         /* complete subtrees of 256^level leaves */
};

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the audit.", 0);
}

static enum error add_level(struct log_tree *tree, unsigned level, struct fault *fault)
{
    tree->counts[level] = (size_t)(export_header(tree->file)->leaves >> (TREE_TILE_HEIGHT * level));
    tree->levels[level] = calloc(tree->counts[level] + 1, sizeof *tree->levels[level]);
    return tree->levels[level] != NULL ? ERR_OK : out_of_memory(fault);
}

enum error log_tree_new(const struct export_file *file, struct log_tree **ret_tree,
                        struct fault *fault)
{
    struct log_tree *tree = calloc(1, sizeof *tree);
    if (tree == NULL)
        return out_of_memory(fault);
    tree->file = file;
    enum error e = ERR_OK;
    for (unsigned level = 1; level < TREE_LEVELS && e == ERR_OK; level++)
        e = add_level(tree, level, fault);
    if (e != ERR_OK) {
        log_tree_free(tree);
        return e;
    }
    *ret_tree = tree;
    return ERR_OK;
}

void log_tree_free(struct log_tree *tree)
{
    if (tree == NULL)
        return;
    for (unsigned level = 1; level < TREE_LEVELS; level++)
        free(tree->levels[level]);
    free(tree);
}

/* Replaces a tile's hashes by the one over all of them, which is at hashes[0]. */
static void fold(struct sha256 *hashes)
{
    for (size_t count = TREE_TILE_WIDTH; count > 1; count /= 2) {
        for (size_t i = 0; i < count / 2; i++)
            hashes[i] = tree_node_hash(&hashes[2 * i], &hashes[2 * i + 1]);
    }
}

void log_tree_set(struct log_tree *tree, int64_t tile, struct sha256 *hashes, size_t count)
{
    if (count < TREE_TILE_WIDTH)
        return;
    fold(hashes);
    tree->levels[1][tile] = hashes[0];
}

enum error log_tree_finish(struct log_tree *tree, struct fault *fault)
{
    struct sha256 *scratch = malloc(TREE_TILE_WIDTH * sizeof *scratch);
    if (scratch == NULL)
        return out_of_memory(fault);
    for (unsigned level = 2; level < TREE_LEVELS; level++) {
        for (size_t i = 0; i < tree->counts[level]; i++) {
            memcpy(scratch, &tree->levels[level - 1][i * TREE_TILE_WIDTH],
                   TREE_TILE_WIDTH * sizeof *scratch);
            fold(scratch);
            tree->levels[level][i] = scratch[0];
        }
    }
    free(scratch);
    return ERR_OK;
}

static enum error read_hashes(void *context, unsigned level, int64_t first, size_t count,
                              struct sha256 *out, struct fault *fault)
{
    const struct log_tree *tree = context;
    (void)fault;
    if (level > 0) {
        memcpy(out, &tree->levels[level][first], count * sizeof *out);
        return ERR_OK;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = tree_leaf_hash(export_leaf(tree->file, first + (int64_t)i));
    return ERR_OK;
}

enum error log_tree_root(struct log_tree *tree, int64_t size, struct sha256 *ret_root,
                         struct fault *fault)
{
    const struct tree_source source = {.read = read_hashes, .context = tree};
    return tree_root(&source, size, ret_root, fault);
}
