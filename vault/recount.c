/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The walk backwards through the journal, one tile of 256 leaves at a time. Owns no state. */
#include "vault/recount.h"

#include <string.h>

#include <jansson.h>

/* What one tile says about one product: a fresh start, if any, and what came after it. */
struct part {
    bool has_start;
    int64_t documents;
    int64_t charged;
    int64_t scrap_drawn;
    bool has_listed;
    struct sha256 listed;
};

struct tile_walk {
    struct recount *recount;
    struct part parts[RECOUNT_PRODUCTS_MAX];
    struct sha256 hashes[TREE_TILE_WIDTH];
    size_t count; /* leaves of this tile so far */
    bool is_broken;
};

/* ---- one leaf ---- */

/* The value of a text member, as it stands in the leaf. A quote inside a text is escaped, so what
 * is found here is a member and nothing that somebody wrote into one. */
static struct bytes text_of(struct bytes entry, const char *member)
{
    const uint8_t *end = entry.data + entry.length;
    const uint8_t *at = memmem(entry.data, entry.length, member, strlen(member));
    if (at == NULL)
        return bytes_of(NULL, 0);
    at += strlen(member);
    const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
    return quote != NULL ? bytes_of(at, (size_t)(quote - at)) : bytes_of(NULL, 0);
}

static bool is_text(struct bytes value, const char *text)
{
    return value.length == strlen(text) && memcmp(value.data, text, value.length) == 0;
}

static struct part *find_part(struct tile_walk *walk, struct bytes entry)
{
    const struct bytes name = text_of(entry, "\"product\":\"");
    for (size_t i = 0; i < walk->recount->count; i++) {
        if (name.length > 0 && is_text(name, walk->recount->products[i].name))
            return &walk->parts[i];
    }
    return NULL;
}

/* The state that the leaf says; all zeros when it says none. */
static void read_listed(struct bytes entry, struct part *part)
{
    char hex[2 * SHA256_SIZE + 1];
    const struct bytes text = text_of(entry, "\"listed\":\"");
    part->has_listed = true;
    part->listed = (struct sha256){{0}};
    if (text.length != sizeof hex - 1)
        return;
    memcpy(hex, text.data, text.length);
    hex[text.length] = '\0';
    (void)hex_decode(hex, part->listed.bytes, SHA256_SIZE);
}

static bool read_account(struct bytes entry, struct part *part)
{
    json_t *leaf = json_loadb((const char *)entry.data, entry.length, JSON_REJECT_DUPLICATES, NULL);
    *part = (struct part){.has_start = true,
                          .documents = json_integer_value(json_object_get(leaf, "documents")),
                          .charged = json_integer_value(json_object_get(leaf, "charged")),
                          .scrap_drawn = json_integer_value(json_object_get(leaf, "scrap_drawn"))};
    json_decref(leaf);
    read_listed(entry, part);
    return leaf != NULL;
}

static bool has(struct bytes entry, const char *member)
{
    return memmem(entry.data, entry.length, member, strlen(member)) != NULL;
}

/* Leaves are many and most are licenses: they are read as text. False for one that is no leaf. */
static bool count_leaf(struct tile_walk *walk, struct bytes entry)
{
    const struct bytes type = text_of(entry, "\"type\":\"");
    struct part *part = find_part(walk, entry);
    if (part == NULL)
        return true;
    if (is_text(type, "license-issued"))
        part->charged += has(entry, "\"charged\":true");
    else if (is_text(type, "install-outcome"))
        part->scrap_drawn += has(entry, "\"scrap_drawn\":true");
    else if (is_text(type, "grant"))
        part->documents++;
    else if (is_text(type, "product-created"))
        *part = (struct part){.has_start = true, .has_listed = true};
    else if (is_text(type, "devices-allowed") || is_text(type, "device-disallowed"))
        read_listed(entry, part);
    else if (is_text(type, "account"))
        return read_account(entry, part);
    return true;
}

static bool take_leaf(void *context, int64_t index, struct bytes entry)
{
    struct tile_walk *walk = context;
    (void)index;
    walk->hashes[walk->count++] = tree_leaf_hash(entry);
    walk->is_broken |= !count_leaf(walk, entry);
    return true;
}

/* ---- one tile ---- */

static enum error broken(struct fault *fault)
{
    return fault_set(fault, ERR_PRODUCT_TAMPERED, "journal",
                     "A leaf of the journal is not what the journal's tree says.", 0);
}

static bool hashes_equal(const struct sha256 *a, const struct sha256 *b, size_t count)
{
    return memcmp(a, b, count * sizeof *a) == 0;
}

/* A full tile's root is stored one level up, from where the root of the whole is made. */
static enum error check_parents(struct ledger *ledger, const struct tile_walk *walk, int64_t tile,
                                int64_t size, struct fault *fault)
{
    struct sha256 hashes[TREE_TILE_WIDTH];
    struct sha256 stored;
    memcpy(hashes, walk->hashes, sizeof hashes);
    size_t count = walk->count;
    for (unsigned level = 1; count == TREE_TILE_WIDTH && level < TREE_LEVELS; level++) {
        struct tree_range range = {.size = 0};
        for (size_t i = 0; i < count; i++)
            tree_range_add(&range, &hashes[i]);
        const struct sha256 root = tree_range_root(&range);
        enum error e = ledger_hashes(ledger, level, tile, 1, &stored, fault);
        if (e != ERR_OK)
            return e;
        if (!sha256_equal(&root, &stored))
            return broken(fault);
        int64_t first = tile - tile % TREE_TILE_WIDTH;
        int64_t complete = size >> (TREE_TILE_HEIGHT * level); /* stored hashes of this level */
        count = complete - first >= TREE_TILE_WIDTH ? TREE_TILE_WIDTH : 0;
        if (count > 0)
            e = ledger_hashes(ledger, level, first, count, hashes, fault);
        if (e != ERR_OK)
            return e;
        tile = first / TREE_TILE_WIDTH;
    }
    return ERR_OK;
}

static enum error read_tile(struct ledger *ledger, int64_t tile, int64_t size,
                            struct tile_walk *walk, struct fault *fault)
{
    struct sha256 stored[TREE_TILE_WIDTH];
    int64_t first = tile * TREE_TILE_WIDTH;
    int64_t count = size - first < TREE_TILE_WIDTH ? size - first : TREE_TILE_WIDTH;
    memset(walk->parts, 0, sizeof walk->parts);
    walk->count = 0;
    enum error e = ledger_leaves_each(ledger, first, count, take_leaf, walk, fault);
    if (e == ERR_OK)
        e = ledger_hashes(ledger, 0, first, (size_t)count, stored, fault);
    if (e != ERR_OK)
        return e;
    if (walk->is_broken || walk->count != (size_t)count ||
        !hashes_equal(walk->hashes, stored, walk->count))
        return broken(fault);
    return check_parents(ledger, walk, tile, size, fault);
}

/* Whether every product's starting leaf has been found. */
static bool add_parts(struct recount *recount, const struct tile_walk *walk)
{
    bool is_complete = true;
    for (size_t i = 0; i < recount->count; i++) {
        struct recount_product *product = &recount->products[i];
        if (!product->is_complete) {
            product->documents += walk->parts[i].documents;
            product->charged += walk->parts[i].charged;
            product->scrap_drawn += walk->parts[i].scrap_drawn;
            if (!product->has_listed && walk->parts[i].has_listed) {
                product->has_listed = true;
                product->listed = walk->parts[i].listed;
            }
            product->is_complete = walk->parts[i].has_start;
        }
        is_complete = is_complete && product->is_complete;
    }
    return is_complete;
}

enum error recount_journal(struct ledger *ledger, int64_t size, struct recount *recount,
                           struct fault *fault)
{
    struct tile_walk walk = {.recount = recount};
    bool is_complete = recount->count == 0;
    int64_t tile = (size + TREE_TILE_WIDTH - 1) / TREE_TILE_WIDTH;
    while (!is_complete && tile-- > 0) {
        enum error e = read_tile(ledger, tile, size, &walk, fault);
        if (e != ERR_OK)
            return e;
        is_complete = add_parts(recount, &walk);
    }
    return ERR_OK;
}
