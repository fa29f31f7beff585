/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Owns no state. */
#include "vault/override_leaf.h"

#include <string.h>

#include <jansson.h>

struct search {
    const struct ledger_heads *heads;
    bool is_found;
};

static bool is_head(const json_t *leaf, const char *size_key, const char *root_key,
                    const struct ledger_head *head)
{
    char hex[SHA256_HEX_SIZE];
    const char *root = json_string_value(json_object_get(leaf, root_key));
    hex_encode(bytes_of(head->root.bytes, SHA256_SIZE), hex);
    return json_integer_value(json_object_get(leaf, size_key)) == head->size && root != NULL &&
           strcmp(root, hex) == 0;
}

static bool look_at(void *context, int64_t index, struct bytes entry)
{
    static const char TYPE[] = "\"type\":\"override\"";
    struct search *search = context;
    (void)index;
    if (memmem(entry.data, entry.length, TYPE, sizeof TYPE - 1) == NULL)
        return true;
    json_t *leaf = json_loadb((const char *)entry.data, entry.length, JSON_REJECT_DUPLICATES, NULL);
    search->is_found = is_head(leaf, "anchor_size", "anchor_root", &search->heads->anchor) &&
                       is_head(leaf, "head_size", "head_root", &search->heads->found);
    json_decref(leaf);
    return !search->is_found;
}

enum error override_leaf_find(struct ledger *ledger, const struct ledger_heads *heads,
                              bool *ret_is_found, struct fault *fault)
{
    struct ledger_head now;
    struct search search = {.heads = heads};
    enum error e = ledger_head(ledger, &now, fault);
    if (e == ERR_OK && now.size > heads->found.size)
        e = ledger_leaves_each(ledger, heads->found.size, now.size - heads->found.size, look_at,
                               &search, fault);
    if (e == ERR_OK)
        *ret_is_found = search.is_found;
    return e;
}
