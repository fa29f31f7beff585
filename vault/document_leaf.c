/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A document's row against its leaf, and the leaf against the tree. Owns no state. */
#include "vault/document_leaf.h"

#include <string.h>

#include <jansson.h>

struct leaf_copy {
    uint8_t bytes[LEDGER_LEAF_MAX];
    size_t length; /* 0: none */
};

static bool copy_leaf(void *context, int64_t index, struct bytes entry)
{
    struct leaf_copy *copy = context;
    (void)index;
    if (entry.length > sizeof copy->bytes)
        return false;
    memcpy(copy->bytes, entry.data, entry.length);
    copy->length = entry.length;
    return false;
}

static enum error tampered(struct fault *fault)
{
    return fault_set(fault, ERR_PRODUCT_TAMPERED, "leaf",
                     "The journal does not have the leaf of one of this product's documents.", 0);
}

static bool text_is(const json_t *leaf, const char *key, const char *expected)
{
    const char *text = json_string_value(json_object_get(leaf, key));
    return text != NULL && strcmp(text, expected) == 0;
}

static bool leaf_tells(const struct leaf_copy *copy, const struct ledger_document *row,
                       const struct sha256 *digest)
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(digest->bytes, SHA256_SIZE), hex);
    json_t *leaf =
        json_loadb((const char *)copy->bytes, copy->length, JSON_REJECT_DUPLICATES, NULL);
    bool tells = text_is(leaf, "type", "grant") && text_is(leaf, "product", row->product) &&
                 text_is(leaf, "document", hex) &&
                 (row->kind != LEDGER_GRANT_REVOKE ||
                  json_integer_value(json_object_get(leaf, "taken")) == row->taken);
    json_decref(leaf);
    return tells;
}

static enum error check_inclusion(struct ledger *ledger, const struct ledger_head *head,
                                  int64_t index, const struct leaf_copy *copy, struct fault *fault)
{
    struct tree_proof proof;
    const struct sha256 hash = tree_leaf_hash(bytes_of(copy->bytes, copy->length));
    enum error e = ledger_inclusion(ledger, index, head->size, &proof, fault);
    if (e == ERR_OK && !tree_inclusion_holds(&proof, &hash, index, head->size, &head->root))
        e = tampered(fault);
    return e;
}

enum error document_leaf_check(struct ledger *ledger, const struct ledger_head *head,
                               const struct ledger_document *row, const struct sha256 *digest,
                               struct fault *fault)
{
    struct leaf_copy copy = {.length = 0};
    if (row->journal_index < 0 || row->journal_index >= head->size)
        return tampered(fault);
    enum error e = ledger_leaves_each(ledger, row->journal_index, 1, copy_leaf, &copy, fault);
    if (e == ERR_OK && (copy.length == 0 || !leaf_tells(&copy, row, digest)))
        e = tampered(fault);
    if (e == ERR_OK)
        e = check_inclusion(ledger, head, row->journal_index, &copy, fault);
    return e;
}
