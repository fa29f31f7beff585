/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One leaf against the tree. Owns no state. */
#include "vault/proven_leaf.h"

#include <string.h>

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

static enum error check_inclusion(struct ledger *ledger, const struct ledger_head *head,
                                  int64_t index, const struct leaf_copy *copy, bool *ret_holds,
                                  struct fault *fault)
{
    struct tree_proof proof;
    const struct sha256 hash = tree_leaf_hash(bytes_of(copy->bytes, copy->length));
    enum error e = ledger_inclusion(ledger, index, head->size, &proof, fault);
    if (e == ERR_OK)
        *ret_holds = tree_inclusion_holds(&proof, &hash, index, head->size, &head->root);
    return e;
}

enum error proven_leaf_read(struct ledger *ledger, const struct ledger_head *head, int64_t index,
                            json_t **ret_leaf, struct fault *fault)
{
    struct leaf_copy copy = {.length = 0};
    bool holds = false;
    *ret_leaf = NULL;
    if (index < 0 || index >= head->size)
        return ERR_OK;
    enum error e = ledger_leaves_each(ledger, index, 1, copy_leaf, &copy, fault);
    if (e == ERR_OK && copy.length > 0)
        e = check_inclusion(ledger, head, index, &copy, &holds, fault);
    if (e == ERR_OK && holds)
        *ret_leaf = json_loadb((const char *)copy.bytes, copy.length, JSON_REJECT_DUPLICATES, NULL);
    return e;
}

bool proven_leaf_text_is(const json_t *leaf, const char *key, const char *expected)
{
    const char *text = json_string_value(json_object_get(leaf, key));
    return text != NULL && strcmp(text, expected) == 0;
}
