/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The two hashes of the tree. Owns no state. */
#include "journal/tree.h"

static const uint8_t LEAF_PREFIX = 0x00;
static const uint8_t NODE_PREFIX = 0x01;

struct sha256 tree_leaf_hash(struct bytes entry)
{
    const struct bytes parts[] = {bytes_of(&LEAF_PREFIX, sizeof LEAF_PREFIX), entry};
    return sha256_of_parts(parts, 2);
}

struct sha256 tree_node_hash(const struct sha256 *left, const struct sha256 *right)
{
    const struct bytes parts[] = {bytes_of(&NODE_PREFIX, sizeof NODE_PREFIX),
                                  bytes_of(left->bytes, SHA256_SIZE),
                                  bytes_of(right->bytes, SHA256_SIZE)};
    return sha256_of_parts(parts, 3);
}

struct sha256 tree_empty_root(void)
{
    return sha256_of(bytes_of(NULL, 0));
}
