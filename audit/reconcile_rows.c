/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Rows by product, lot and day. */
#include "audit/reconcile_part.h"

#include <stdlib.h>
#include <string.h>

#include "audit/leaf.h"

struct row_key {
    struct bytes product;
    struct bytes lot;
    int64_t day;
};

struct row *reconcile_row_at(const struct reconciliation *reconciliation, uint32_t number)
{
    return pool_at(&reconciliation->rows, number);
}

static bool row_has_key(const struct row *row, const struct row_key *key)
{
    return row->day == key->day && bytes_equal(row->product, key->product) &&
           bytes_equal(row->lot, key->lot);
}

static enum error add_row(struct reconciliation *reconciliation, uint64_t hash,
                          const struct row_key *key, uint32_t *ret_row, struct fault *fault)
{
    enum error e = pool_add(&reconciliation->rows, ret_row, fault);
    if (e != ERR_OK)
        return e;
    struct row *row = reconcile_row_at(reconciliation, *ret_row);
    row->product = key->product;
    row->lot = key->lot;
    row->day = key->day;
    return index_put(&reconciliation->row_keys, reconciliation, hash, key, *ret_row, fault);
}

static bool has_key(const void *owner, uint32_t number, const void *key)
{
    return row_has_key(reconcile_row_at(owner, number), key);
}

enum error reconcile_find_row(struct reconciliation *reconciliation, struct bytes product,
                              struct bytes lot, int64_t day, uint32_t *ret_row, struct fault *fault)
{
    struct index *index = &reconciliation->row_keys;
    const struct row_key key = {product, lot, day};
    if (index->has_key == NULL)
        index_init(index, has_key);
    uint64_t hash = index_hash(index, 0, bytes_of(&day, sizeof day));
    hash = index_hash(index, hash, product);
    hash = index_hash(index, hash, lot);
    *ret_row = index_find(index, reconciliation, hash, &key);
    return *ret_row != POOL_NONE ? ERR_OK : add_row(reconciliation, hash, &key, ret_row, fault);
}

uint32_t reconcile_row_of_device(const struct reconciliation *reconciliation, uint32_t device)
{
    const struct book *book = &reconciliation->replay.book;
    uint32_t unit = book_device(book, device)->unit;
    return unit == POOL_NONE ? POOL_NONE
                             : reconciliation->install_rows[book_unit(book, unit)->first];
}

void reconcile_read_leaf(const struct reconciliation *reconciliation, uint32_t install,
                         struct leaf *ret_leaf)
{
    int64_t index = book_install(&reconciliation->replay.book, install)->leaf;
    leaf_read(export_leaf(reconciliation->file, index), index, ret_leaf);
}

/* ---- order ---- */

static int compare_text(struct bytes a, struct bytes b)
{
    int order = memcmp(a.data, b.data, a.length < b.length ? a.length : b.length);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_rows(const void *a, const void *b, void *context)
{
    const struct row *left = reconcile_row_at(context, *(const uint32_t *)a);
    const struct row *right = reconcile_row_at(context, *(const uint32_t *)b);
    int order = compare_text(left->product, right->product);
    if (order == 0)
        order = compare_text(left->lot, right->lot);
    return order != 0 ? order : (left->day > right->day) - (left->day < right->day);
}

enum error reconcile_sort_rows(struct reconciliation *reconciliation, struct fault *fault)
{
    uint32_t count = reconciliation->rows.count;
    reconciliation->order = malloc(((size_t)count + 1) * sizeof *reconciliation->order);
    if (reconciliation->order == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the audit.",
                         0);
    for (uint32_t i = 0; i < count; i++)
        reconciliation->order[i] = i;
    qsort_r(reconciliation->order, count, sizeof *reconciliation->order, compare_rows,
            reconciliation);
    return ERR_OK;
}
