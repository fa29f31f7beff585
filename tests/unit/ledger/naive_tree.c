/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* RFC 6962 §2.1 by the letter, and the comparison of a ledger with it. */
#include "naive_tree.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_MAX 65535

static sqlite3_stmt *prepare(sqlite3 *db, const char *query)
{
    sqlite3_stmt *row = NULL;
    ck_assert_msg(sqlite3_prepare_v2(db, query, -1, &row, NULL) == SQLITE_OK, "%s: %s", query,
                  sqlite3_errmsg(db));
    return row;
}

/* ---- the definition ---- */

static struct sha256 hash_leaf(const void *entry, size_t length)
{
    static uint8_t text[1 + ENTRY_MAX];
    ck_assert_uint_le(length, ENTRY_MAX);
    text[0] = 0;
    memcpy(text + 1, entry, length);
    return sha256_of(bytes_of(text, 1 + length));
}

struct sha256 naive_tree_root(const struct naive_tree *tree, int64_t first, int64_t count)
{
    struct {
        uint8_t prefix;
        struct sha256 left;
        struct sha256 right;
    } node = {.prefix = 1};
    int64_t k = 1;
    if (count == 0)
        return sha256_of(bytes_of(NULL, 0));
    if (count == 1)
        return tree->leaves[first];
    while (2 * k < count)
        k *= 2;
    node.left = naive_tree_root(tree, first, k);
    node.right = naive_tree_root(tree, first + k, count - k);
    return sha256_of(bytes_of(&node, sizeof node));
}

void naive_tree_read(struct naive_tree *tree, const struct world *world)
{
    sqlite3 *db = world_raw(world);
    sqlite3_stmt *row = prepare(db, "SELECT entry FROM journal ORDER BY idx");
    size_t room = 0;
    *tree = (struct naive_tree){0};
    while (sqlite3_step(row) == SQLITE_ROW) {
        if ((size_t)tree->size == room) {
            room = 2 * room + 1024;
            tree->leaves = realloc(tree->leaves, room * sizeof *tree->leaves);
            ck_assert_ptr_nonnull(tree->leaves);
        }
        tree->leaves[tree->size++] =
            hash_leaf(sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0));
    }
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
}

void naive_tree_free(struct naive_tree *tree)
{
    free(tree->leaves);
    *tree = (struct naive_tree){0};
}

/* ---- the comparison ---- */

static void check_rows(const struct naive_tree *tree, const struct world *world)
{
    sqlite3 *db = world_raw(world);
    sqlite3_stmt *row = prepare(db, "SELECT level, idx, hash FROM tree ORDER BY level, idx");
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        int64_t width = INT64_C(1) << (8 * level);
        for (int64_t i = 0; i < tree->size / width; i++) {
            ck_assert_msg(sqlite3_step(row) == SQLITE_ROW, "level %u ends at %lld of %lld", level,
                          (long long)i, (long long)(tree->size / width));
            ck_assert_int_eq(sqlite3_column_int64(row, 0), level);
            ck_assert_int_eq(sqlite3_column_int64(row, 1), i);
            struct sha256 expected = naive_tree_root(tree, i * width, width);
            ck_assert_mem_eq(sqlite3_column_blob(row, 2), expected.bytes, SHA256_SIZE);
        }
    }
    ck_assert_int_eq(sqlite3_step(row), SQLITE_DONE);
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
}

void naive_tree_check(const struct world *world)
{
    struct naive_tree tree;
    struct sha256 root;
    struct fault fault = {0};
    naive_tree_read(&tree, world);
    check_rows(&tree, world);
    if (world->ledger != NULL) {
        struct sha256 expected = naive_tree_root(&tree, 0, tree.size);
        ck_assert_msg(ledger_root(world->ledger, tree.size, &root, &fault) == ERR_OK, "%s: %s",
                      fault.reason, fault.detail);
        ck_assert(sha256_equal(&root, &expected));
    }
    naive_tree_free(&tree);
}
