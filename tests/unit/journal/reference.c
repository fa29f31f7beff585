/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The definitions of the RFC, with its names. Shares nothing with journal/ but sha256_of. */
#include "reference.h"

#include <stdbool.h>
#include <string.h>

#include <check.h>

#include "leaf_log.h"

static struct sha256 known[REFERENCE_MAX + 1][REFERENCE_MAX + 1];
static bool is_known[REFERENCE_MAX + 1][REFERENCE_MAX + 1];

/* The largest power of two smaller than n. */
static int64_t split(int64_t n)
{
    int64_t k = 1;
    while (2 * k < n)
        k *= 2;
    return k;
}

static struct sha256 leaf_hash(int64_t index)
{
    char entry[32];
    uint8_t text[33] = {0x00};
    struct bytes bytes = leaf_log_entry(index, entry);
    memcpy(text + 1, bytes.data, bytes.length);
    return sha256_of(bytes_of(text, 1 + bytes.length));
}

static struct sha256 node_hash(int64_t first, int64_t middle, int64_t end)
{
    uint8_t text[65] = {0x01};
    struct sha256 left = reference_root(first, middle);
    struct sha256 right = reference_root(middle, end);
    memcpy(text + 1, left.bytes, 32);
    memcpy(text + 33, right.bytes, 32);
    return sha256_of(bytes_of(text, sizeof text));
}

struct sha256 reference_root(int64_t first, int64_t end)
{
    ck_assert_int_le(end, REFERENCE_MAX);
    if (first == end)
        return sha256_of(bytes_of("", 0));
    if (!is_known[first][end]) {
        known[first][end] =
            end - first == 1 ? leaf_hash(first) : node_hash(first, first + split(end - first), end);
        is_known[first][end] = true;
    }
    return known[first][end];
}

static void append(struct tree_proof *proof, int64_t first, int64_t end)
{
    proof->hashes[proof->count++] = reference_root(first, end);
}

/* PATH(m, D[first:end]), m counted from first. */
static void path(int64_t m, int64_t first, int64_t end, struct tree_proof *proof)
{
    if (end - first == 1)
        return;
    int64_t k = split(end - first);
    if (m < k) {
        path(m, first, first + k, proof);
        append(proof, first + k, end);
    } else {
        path(m - k, first + k, end, proof);
        append(proof, first, first + k);
    }
}

void reference_path(int64_t m, int64_t n, struct tree_proof *ret_proof)
{
    ret_proof->count = 0;
    path(m, 0, n, ret_proof);
}

/* SUBPROOF(m, D[first:end], b), m counted from first. */
static void subproof(int64_t m, int64_t first, int64_t end, bool b, struct tree_proof *proof)
{
    if (m == end - first) {
        if (!b)
            append(proof, first, end);
        return;
    }
    int64_t k = split(end - first);
    if (m <= k) {
        subproof(m, first, first + k, b, proof);
        append(proof, first + k, end);
    } else {
        subproof(m - k, first + k, end, false, proof);
        append(proof, first, first + k);
    }
}

void reference_proof(int64_t m, int64_t n, struct tree_proof *ret_proof)
{
    ret_proof->count = 0;
    subproof(m, 0, n, true, ret_proof);
}
