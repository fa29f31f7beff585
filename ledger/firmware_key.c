/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Firmware keys as changes: a rotation, and the end of a retired key. Governed products are no
 * different: neither moves their quota, their anchors or their policy. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

static enum error conflict(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_CONFLICT, reason, detail, 0);
}

enum error ledger_firmware_keys_each(struct ledger *ledger, const char *product,
                                     bool (*each)(void *context,
                                                  const struct ledger_firmware_key *key),
                                     void *context, struct fault *fault)
{
    return ledger->ops->firmware_keys_each(ledger->store, product, each, context, fault);
}

/* ---- rotation ---- */

/* The images stand behind it. */
struct rotation_change {
    char product[LEDGER_NAME_MAX + 1];
    char by[LEDGER_BY_MAX + 1];
    struct ledger_rotation rotation; /* its pointers point into this body */
    struct ledger_rewrapped images[];
};

static enum error put_rotated(struct change_context *context, const struct rotation_change *change,
                              int64_t *ret_index, struct fault *fault)
{
    const struct ledger_rotation *rotation = &change->rotation;
    struct leaf leaf = leaf_new(context, "firmware-key-rotated");
    leaf_put_text(&leaf, "product", change->product);
    leaf_put_number(&leaf, "generation", rotation->generation);
    leaf_put_hex(&leaf, "old_key", bytes_of(rotation->old_key, sizeof rotation->old_key));
    leaf_put_hex(&leaf, "new_key", bytes_of(rotation->new_key, sizeof rotation->new_key));
    leaf_put_number(&leaf, "images", (int64_t)rotation->count);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, ret_index, fault);
}

static enum error rotate(struct change_context *context, int64_t product_id,
                         const struct rotation_change *change, struct fault *fault)
{
    const struct ledger_rotation *rotation = &change->rotation;
    struct store_event event = {.time_unix_ms = context->now_unix_ms};
    enum error e = context->ops->firmware_key_rotate(context->store, product_id, rotation, fault);
    if (e == ERR_OK)
        e = put_rotated(context, change, &event.leaf, fault);
    if (e == ERR_OK)
        e = context->ops->firmware_key_retire(context->store, product_id, rotation->generation - 1,
                                              &event, fault);
    return e;
}

static enum error apply_rotation(struct change_context *context, void *body, struct fault *fault)
{
    const struct rotation_change *change = body;
    const struct ledger_rotation *rotation = &change->rotation;
    struct ledger_product product;
    enum error e = context->ops->product_get_mine(context->store, change->product, &product, fault);
    if (e != ERR_OK)
        return e;
    bool is_done = product.generation == rotation->generation;
    const uint8_t *expected = is_done ? rotation->new_key : rotation->old_key;
    if ((!is_done && product.generation + 1 != rotation->generation) ||
        memcmp(product.firmware_key, expected, LEDGER_KEY_ID_BYTES) != 0)
        return conflict(fault, "firmware-key-changed",
                        "The product's firmware key was rotated meanwhile: see provctl hsm keys.");
    return is_done ? ERR_OK : rotate(context, product.id, change, fault);
}

static enum error check_rotation(const struct ledger_rotation *rotation, const char *by,
                                 struct fault *fault)
{
    enum error e = valid_name(rotation->product, fault);
    if (e == ERR_OK)
        e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    if (rotation->generation < 2 || rotation->count > LEDGER_ROTATION_MAX)
        return fault_set(fault, ERR_BAD_REQUEST, "rotation",
                         "A rotation is of at most 100000 images, to a generation of 2 or more.",
                         0);
    for (size_t i = 0; i < rotation->count; i++) {
        if (rotation->images[i].length == 0 || rotation->images[i].length > LEDGER_WRAPPED_KEY_MAX)
            return fault_set(fault, ERR_BAD_REQUEST, "session-key",
                             "A wrapped session key is 1 to 40 bytes.", 0);
    }
    return ERR_OK;
}

enum error ledger_firmware_key_rotate(struct ledger *ledger, const struct ledger_rotation *rotation,
                                      const char *by, struct fault *fault)
{
    const size_t images_size = rotation->count * sizeof rotation->images[0];
    enum error e = check_rotation(rotation, by, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change =
        ledger_change(apply_rotation, sizeof(struct rotation_change) + images_size, fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct rotation_change *body = (void *)change->body;
    strcpy(body->product, rotation->product);
    strcpy(body->by, by);
    body->rotation = *rotation;
    body->rotation.product = body->product;
    body->rotation.images = body->images;
    if (images_size > 0)
        memcpy(body->images, rotation->images, images_size);
    return commit_run(ledger->committer, change, fault);
}

/* ---- the end ---- */

struct end_change {
    char product[LEDGER_NAME_MAX + 1];
    char by[LEDGER_BY_MAX + 1];
    struct ledger_key_end end;
};

/* The key that is looked for among the product's. */
struct key_search {
    const uint8_t *id;
    struct ledger_firmware_key key; /* generation 0: not found */
};

static bool take_key(void *context, const struct ledger_firmware_key *key)
{
    struct key_search *search = context;
    if (memcmp(key->id, search->id, sizeof key->id) == 0)
        search->key = *key;
    return true;
}

static enum error judge(const struct ledger_key_end *end, const struct ledger_firmware_key *key,
                        int64_t now_unix_ms, struct fault *fault)
{
    if (key->generation == 0)
        return conflict(fault, "key-unknown",
                        "This is no firmware key of this product: see provctl hsm keys.");
    if (!key->is_retired)
        return conflict(fault, "key-in-use",
                        "The product uses this key: only a retired key can be destroyed. Rotate "
                        "the product's key first.");
    if (end->no_backup_before_unix_ms <= key->retired_unix_ms ||
        end->no_backup_before_unix_ms > now_unix_ms)
        return fault_set(fault, ERR_BAD_REQUEST, "no-backup-before",
                         "The time before which no backup exists any more must be later than the "
                         "key's rotation, and not in the future.",
                         0);
    return ERR_OK;
}

enum error ledger_firmware_key_may_end(struct ledger *ledger, const struct ledger_key_end *end,
                                       struct ledger_firmware_key *ret_key, struct fault *fault)
{
    struct key_search search = {.id = end->key};
    enum error e = ledger_firmware_keys_each(ledger, end->product, take_key, &search, fault);
    if (e == ERR_OK)
        e = judge(end, &search.key, clock_unix_ms(), fault);
    if (e == ERR_OK)
        *ret_key = search.key;
    return e;
}

static enum error put_destroyed(struct change_context *context, const struct end_change *change,
                                int64_t generation, int64_t *ret_index, struct fault *fault)
{
    char before[TIMESTAMP_SIZE];
    struct leaf leaf = leaf_new(context, "firmware-key-destroyed");
    timestamp_format(change->end.no_backup_before_unix_ms, before);
    leaf_put_text(&leaf, "product", change->product);
    leaf_put_number(&leaf, "generation", generation);
    leaf_put_hex(&leaf, "key", bytes_of(change->end.key, sizeof change->end.key));
    leaf_put_text(&leaf, "no_backup_before", before);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, ret_index, fault);
}

static enum error apply_end(struct change_context *context, void *body, struct fault *fault)
{
    const struct end_change *change = body;
    struct key_search search = {.id = change->end.key};
    struct store_event event = {.time_unix_ms = context->now_unix_ms};
    struct ledger_product product;
    enum error e = context->ops->product_get_mine(context->store, change->product, &product, fault);
    if (e == ERR_OK)
        e = context->ops->firmware_keys_mine(context->store, change->product, take_key, &search,
                                             fault);
    if (e == ERR_OK)
        e = judge(&change->end, &search.key, context->now_unix_ms, fault);
    if (e != ERR_OK || search.key.is_destroyed)
        return e;
    e = put_destroyed(context, change, search.key.generation, &event.leaf, fault);
    if (e == ERR_OK)
        e = context->ops->firmware_key_end(context->store, product.id, search.key.generation,
                                           &event, fault);
    return e;
}

enum error ledger_firmware_key_ended(struct ledger *ledger, const struct ledger_key_end *end,
                                     const char *by, struct fault *fault)
{
    enum error e = valid_name(end->product, fault);
    if (e == ERR_OK)
        e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_end, sizeof(struct end_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct end_change *body = (void *)change->body;
    strcpy(body->product, end->product);
    strcpy(body->by, by);
    body->end = *end;
    body->end.product = body->product;
    return commit_run(ledger->committer, change, fault);
}
