/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A document's row against its leaf. Owns no state. */
#include "vault/document_leaf.h"

#include "vault/proven_leaf.h"

static bool leaf_tells(const json_t *leaf, const struct ledger_document *row,
                       const struct sha256 *digest)
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(digest->bytes, SHA256_SIZE), hex);
    return proven_leaf_text_is(leaf, "type", "grant") &&
           proven_leaf_text_is(leaf, "product", row->product) &&
           proven_leaf_text_is(leaf, "document", hex) &&
           (row->kind != LEDGER_GRANT_REVOKE ||
            json_integer_value(json_object_get(leaf, "taken")) == row->taken);
}

enum error document_leaf_check(struct ledger *ledger, const struct ledger_head *head,
                               const struct ledger_document *row, const struct sha256 *digest,
                               struct fault *fault)
{
    json_t *leaf = NULL;
    enum error e = proven_leaf_read(ledger, head, row->journal_index, &leaf, fault);
    if (e == ERR_OK && !leaf_tells(leaf, row, digest))
        e = fault_set(fault, ERR_PRODUCT_TAMPERED, "leaf",
                      "The journal does not have the leaf of one of this product's documents.", 0);
    json_decref(leaf);
    return e;
}
