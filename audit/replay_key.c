/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Leaves about firmware keys: generations follow each other, and only a retired key ends. */
#include "audit/replay_part.h"

#include "audit/leaf_form.h"

/* The product's key of that id; NULL when it never had it. */
static struct book_firmware_key *find_key(const struct replay *replay,
                                          const struct book_product *product, struct bytes id)
{
    uint32_t number = product->firmware_key;
    while (number != POOL_NONE) {
        struct book_firmware_key *key = book_firmware_key(&replay->book, number);
        if (bytes_equal(key->id, id))
            return key;
        number = key->previous;
    }
    return NULL;
}

/* The first key of the product stands in the leaf that made it. */
static bool is_next(const struct replay *replay, const struct leaf *leaf,
                    const struct book_product *product)
{
    if (product->firmware_key == POOL_NONE)
        return true;
    const struct book_firmware_key *present =
        book_firmware_key(&replay->book, product->firmware_key);
    return bytes_equal(present->id, leaf_text(leaf, FIELD_OLD_KEY)) &&
           leaf_number(leaf, FIELD_GENERATION) == present->generation + 1 &&
           find_key(replay, product, leaf_text(leaf, FIELD_NEW_KEY)) == NULL;
}

static void check_rotated(struct replay *replay, const struct leaf *leaf,
                          const struct book_product *product)
{
    if (!is_next(replay, leaf, product))
        FIND(replay, leaf, "firmware-key-order",
             "It rotates the firmware key of product %.*s, but its old key is not the one in use, "
             "its generation not the next, or its new key not new.",
             RAW(product->name));
    if (leaf_number(leaf, FIELD_IMAGES) != product->images)
        FIND(replay, leaf, "firmware-key-images",
             "It says that %lld session keys of product %.*s went over to the new firmware key; "
             "the product had %lld images.",
             (long long)leaf_number(leaf, FIELD_IMAGES), RAW(product->name),
             (long long)product->images);
}

enum error replay_firmware_key_rotated(struct replay *replay, const struct leaf *leaf,
                                       struct fault *fault)
{
    struct book_product *product = replay_find_product(replay, leaf, NULL);
    if (product == NULL)
        return ERR_OK;
    check_rotated(replay, leaf, product);
    if (product->firmware_key != POOL_NONE) {
        struct book_firmware_key *old = book_firmware_key(&replay->book, product->firmware_key);
        old->is_retired = true;
        old->retired_unix_ms = leaf->time_unix_ms;
    }
    const struct book_firmware_key key = {.id = leaf_text(leaf, FIELD_NEW_KEY),
                                          .generation = leaf_number(leaf, FIELD_GENERATION),
                                          .previous = product->firmware_key};
    return book_add_firmware_key(&replay->book, &key, &product->firmware_key, fault);
}

static bool may_end(const struct leaf *leaf, const struct book_firmware_key *key)
{
    int64_t before = 0;
    return key != NULL && key->is_retired && !key->is_destroyed &&
           key->generation == leaf_number(leaf, FIELD_GENERATION) &&
           leaf_form_time(leaf_text(leaf, FIELD_NO_BACKUP_BEFORE), &before) &&
           before > key->retired_unix_ms && before <= leaf->time_unix_ms;
}

enum error replay_firmware_key_destroyed(struct replay *replay, const struct leaf *leaf,
                                         struct fault *fault)
{
    struct book_product *product = replay_find_product(replay, leaf, NULL);
    (void)fault;
    if (product == NULL)
        return ERR_OK;
    struct book_firmware_key *key = find_key(replay, product, leaf_text(leaf, FIELD_KEY));
    if (!may_end(leaf, key))
        FIND(replay, leaf, "firmware-key-end",
             "It says that a firmware key of product %.*s was destroyed: one that the product "
             "never had, that was in use or gone already, or that backups from before its "
             "rotation may need.",
             RAW(product->name));
    if (key != NULL)
        key->is_destroyed = true;
    return ERR_OK;
}
