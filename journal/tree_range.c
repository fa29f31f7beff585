/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The compact range from the first leaf on: its subtrees are the bits of the size, so that adding
 * a leaf carries as adding one to a binary number does. Owns no state.
 */
#include "journal/tree.h"

#include <assert.h>

void tree_range_add(struct tree_range *range, const struct sha256 *leaf)
{
    tree_range_add_subtree(range, 0, leaf);
}

void tree_range_add_subtree(struct tree_range *range, unsigned height, const struct sha256 *root)
{
    assert(height <= TREE_TILE_HEIGHT * TREE_LEVELS);
    int64_t bit = INT64_C(1) << height;
    assert(range->size % bit == 0 && range->size <= TREE_SIZE_MAX - bit);
    struct sha256 carry = *root;
    range->size += bit;
    for (int64_t old = range->size - bit; (old & bit) != 0; bit <<= 1)
        carry = tree_node_hash(&range->roots[--range->count], &carry);
    range->roots[range->count++] = carry;
}

struct sha256 tree_range_root(const struct tree_range *range)
{
    if (range->count == 0)
        return tree_empty_root();
    struct sha256 root = range->roots[range->count - 1];
    for (size_t i = range->count - 1; i-- > 0;)
        root = tree_node_hash(&range->roots[i], &root);
    return root;
}
