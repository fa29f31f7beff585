/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* From the first key of a product to the one in use, leaf by leaf. Owns no state. */
#include "vault/key_chain.h"

#include <stdlib.h>
#include <string.h>

#include "vault/product_make.h"
#include "vault/proven_leaf.h"

#define KEY_ID_HEX_SIZE (2 * HSM_KEY_ID_BYTES + 1)

/* The leaves that retired the keys before, copied: nothing may be asked while they are read. */
struct leaves {
    int64_t below;    /* generations of interest; a rotation meanwhile is none of them */
    int64_t *indexes; /* owned */
    size_t count;     /* generations 1 to count */
    size_t capacity;
    bool is_out_of_memory;
};

static enum error tampered(struct fault *fault, const char *detail)
{
    return fault_set(fault, ERR_PRODUCT_TAMPERED, "firmware-key", detail, 0);
}

static bool take_key(void *context, const struct ledger_firmware_key *key)
{
    struct leaves *leaves = context;
    if (!key->is_retired || key->generation >= leaves->below)
        return false;
    if (leaves->count == leaves->capacity) {
        size_t capacity = 2 * leaves->capacity + 4;
        int64_t *indexes = realloc(leaves->indexes, capacity * sizeof *indexes);
        leaves->is_out_of_memory = indexes == NULL;
        if (indexes == NULL)
            return false;
        leaves->indexes = indexes;
        leaves->capacity = capacity;
    }
    leaves->indexes[leaves->count++] = key->retired_leaf;
    return true;
}

static bool key_is(const json_t *leaf, const char *field, const char *product, int64_t generation)
{
    char hex[KEY_ID_HEX_SIZE];
    const struct hsm_key_id id = product_firmware_key_id(product, generation);
    hex_encode(bytes_of(id.bytes, sizeof id.bytes), hex);
    return proven_leaf_text_is(leaf, field, hex);
}

static bool leaf_tells(const json_t *leaf, const char *product, int64_t generation)
{
    return proven_leaf_text_is(leaf, "type", "firmware-key-rotated") &&
           proven_leaf_text_is(leaf, "product", product) &&
           json_integer_value(json_object_get(leaf, "generation")) == generation &&
           key_is(leaf, "old_key", product, generation - 1) &&
           key_is(leaf, "new_key", product, generation);
}

static enum error check_leaves(struct ledger *ledger, const char *product,
                               const struct leaves *leaves, struct fault *fault)
{
    struct ledger_head head;
    enum error e = ledger_head(ledger, &head, fault);
    for (size_t i = 0; i < leaves->count && e == ERR_OK; i++) {
        json_t *leaf = NULL;
        e = proven_leaf_read(ledger, &head, leaves->indexes[i], &leaf, fault);
        if (e == ERR_OK && !leaf_tells(leaf, product, (int64_t)i + 2))
            e = tampered(fault, "The journal does not have the leaf of one of the rotations of "
                                "this product's firmware key.");
        json_decref(leaf);
    }
    return e;
}

enum error key_chain_check(struct ledger *ledger, const struct ledger_product *product,
                           struct fault *fault)
{
    const struct hsm_key_id id = product_firmware_key_id(product->name, product->generation);
    struct leaves leaves = {.below = product->generation};
    if (memcmp(product->firmware_key, id.bytes, sizeof id.bytes) != 0)
        return tampered(fault, "The product names another product's firmware key.");
    enum error e = ledger_firmware_keys_each(ledger, product->name, take_key, &leaves, fault);
    if (e == ERR_OK && leaves.is_out_of_memory)
        e = fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (e == ERR_OK && (int64_t)leaves.count != product->generation - 1)
        e = tampered(fault, "A firmware key of this product before the present one was not "
                            "retired.");
    if (e == ERR_OK)
        e = check_leaves(ledger, product->name, &leaves, fault);
    free(leaves.indexes);
    return e;
}
