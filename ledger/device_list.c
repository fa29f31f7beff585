/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed lists of devices as changes: one transaction for a whole list, so that it counts as a
 * whole or not at all. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

struct listing_change {
    char product[LEDGER_NAME_MAX + 1];
    char by[LEDGER_BY_MAX + 1];
    struct ledger_device_list list;
    struct ledger_listing_result result; /* the answer */
    size_t length;
    uint8_t packed[];
};

struct removal_change {
    char product[LEDGER_NAME_MAX + 1];
    char by[LEDGER_BY_MAX + 1];
    struct sha256 spki;
};

/* ---- the packed form: digest, length of the serial, serial ---- */

size_t ledger_listed_pack(const struct ledger_listed *device, uint8_t out[LEDGER_LISTED_PACKED])
{
    const size_t length = strlen(device->serial);
    memcpy(out, device->spki.bytes, SHA256_SIZE);
    out[SHA256_SIZE] = (uint8_t)length;
    memcpy(out + SHA256_SIZE + 1, device->serial, length);
    return SHA256_SIZE + 1 + length;
}

/* The device at *at, which moves on; false at the end, and where the bytes are not so packed. */
static bool unpack(struct bytes packed, size_t *at, struct ledger_listed *ret_device)
{
    const size_t left = packed.length - *at;
    const uint8_t *from = packed.data + *at;
    if (left < SHA256_SIZE + 1)
        return false;
    const size_t length = from[SHA256_SIZE];
    if (length < 1 || length > LEDGER_SERIAL_MAX || left - SHA256_SIZE - 1 < length)
        return false;
    memcpy(ret_device->spki.bytes, from, SHA256_SIZE);
    memcpy(ret_device->serial, from + SHA256_SIZE + 1, length);
    ret_device->serial[length] = '\0';
    *at += SHA256_SIZE + 1 + length;
    return true;
}

/* ---- a list ---- */

static void put_digest(struct leaf *leaf, const char *key, const struct sha256 *digest)
{
    leaf_put_hex(leaf, key, bytes_of(digest->bytes, SHA256_SIZE));
}

static enum error append_list(struct change_context *context, int64_t product_id,
                              const struct listing_change *change, struct fault *fault)
{
    struct sha256 state;
    enum error e = context->ops->listed_state_mine(context->store, product_id, &state, fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "devices-allowed");
    leaf_put_text(&leaf, "product", change->product);
    put_digest(&leaf, "document", &change->list.digest);
    put_digest(&leaf, "spki", &change->list.signer);
    leaf_put_number(&leaf, "devices", change->list.devices);
    leaf_put_number(&leaf, "added", change->result.added);
    leaf_put_listed(&leaf, &state);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, NULL, fault);
}

static enum error find_or_add_list(struct change_context *context, int64_t product_id,
                                   struct listing_change *change, int64_t *ret_id,
                                   struct fault *fault)
{
    int64_t id = 0;
    enum error e = context->ops->list_find(context->store, product_id, &change->list, &id, fault);
    change->list.added_unix_ms = context->now_unix_ms;
    if (e == ERR_OK && id == 0)
        e = context->ops->list_add(context->store, product_id, &change->list, &id, fault);
    if (e == ERR_OK)
        *ret_id = id;
    return e;
}

/* A key and a serial belong together, here as in licenses (rules.c). */
static enum error check_pair(const struct store_listed *view, int64_t place, struct fault *fault)
{
    if (view->has_key && !view->is_same)
        return fault_set(fault, ERR_CONFLICT, "key-has-other-serial",
                         "The list names a key that is listed already with another serial number.",
                         (long)place);
    if (view->is_serial_taken)
        return fault_set(fault, ERR_CONFLICT, "serial-has-other-key",
                         "The list names a serial number that is listed already with another key: "
                         "take the old one off first (provctl device disallow).",
                         (long)place);
    return ERR_OK;
}

static enum error allow_one(struct change_context *context, int64_t product_id, int64_t list_id,
                            const struct ledger_listed *device, int64_t place,
                            struct ledger_listing_result *result, struct fault *fault)
{
    struct store_listed view;
    enum error e = context->ops->listed_view(context->store, product_id, device, &view, fault);
    if (e == ERR_OK)
        e = check_pair(&view, place, fault);
    if (e != ERR_OK || (view.has_key && view.list_id == list_id))
        return e;
    e = context->ops->listed_put(context->store, product_id, device, list_id, !view.has_key, fault);
    if (e == ERR_OK && view.has_key)
        result->renewed++;
    else if (e == ERR_OK)
        result->added++;
    return e;
}

static enum error apply_list(struct change_context *context, void *body, struct fault *fault)
{
    struct listing_change *change = body;
    struct ledger_product product;
    struct ledger_listed device;
    int64_t list_id = 0;
    int64_t place = 0;
    size_t at = 0;
    enum error e = context->ops->product_get_mine(context->store, change->product, &product, fault);
    if (e == ERR_OK)
        e = find_or_add_list(context, product.id, change, &list_id, fault);
    change->result = (struct ledger_listing_result){.added = 0};
    while (e == ERR_OK && unpack(bytes_of(change->packed, change->length), &at, &device))
        e = allow_one(context, product.id, list_id, &device, ++place, &change->result, fault);
    if (e != ERR_OK || change->result.added + change->result.renewed == 0)
        return e;
    return append_list(context, product.id, change, fault);
}

static enum error valid_listing(const struct ledger_listing *listing, struct fault *fault)
{
    struct ledger_listed device;
    int64_t count = 0;
    size_t at = 0;
    while (unpack(listing->packed, &at, &device))
        count++;
    if (at == listing->packed.length && count == listing->list.devices && count >= 1 &&
        count <= LEDGER_LISTED_MAX)
        return ERR_OK;
    return fault_set(fault, ERR_BAD_REQUEST, "list", "A list has 1 to 100000 devices.", 0);
}

enum error ledger_devices_allow(struct ledger *ledger, const struct ledger_listing *listing,
                                const char *by, struct ledger_listing_result *ret_result,
                                struct fault *fault)
{
    enum error e = valid_listing(listing, fault);
    if (e == ERR_OK)
        e = valid_name(listing->product, fault);
    if (e == ERR_OK)
        e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change =
        ledger_change(apply_list, sizeof(struct listing_change) + listing->packed.length, fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct listing_change *body = (void *)change->body;
    strcpy(body->product, listing->product);
    strcpy(body->by, by);
    body->list = listing->list;
    body->length = listing->packed.length;
    memcpy(body->packed, listing->packed.data, listing->packed.length);
    e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        *ret_result = body->result;
    return e;
}

/* ---- one device ---- */

static enum error append_removal(struct change_context *context, int64_t product_id,
                                 const struct removal_change *change, const char *serial,
                                 struct fault *fault)
{
    struct ledger_device device = {.spki = change->spki};
    struct sha256 state;
    enum error e = context->ops->listed_state_mine(context->store, product_id, &state, fault);
    if (e != ERR_OK)
        return e;
    strcpy(device.serial, serial);
    struct leaf leaf = leaf_new(context, "device-disallowed");
    leaf_put_text(&leaf, "product", change->product);
    leaf_put_device(&leaf, &device);
    leaf_put_listed(&leaf, &state);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, NULL, fault);
}

static enum error apply_removal(struct change_context *context, void *body, struct fault *fault)
{
    const struct removal_change *change = body;
    struct ledger_product product;
    struct ledger_listed found;
    bool is_listed = false;
    enum error e = context->ops->product_get_mine(context->store, change->product, &product, fault);
    if (e == ERR_OK)
        e = context->ops->listed_mine(context->store, product.id, &change->spki, &is_listed, &found,
                                      fault);
    if (e == ERR_OK && !is_listed)
        e = fault_set(fault, ERR_CONFLICT, "device-not-listed",
                      "No list of the product names a device with this key.", 0);
    if (e == ERR_OK)
        e = context->ops->listed_remove(context->store, product.id, &change->spki, fault);
    return e == ERR_OK ? append_removal(context, product.id, change, found.serial, fault) : e;
}

enum error ledger_device_disallow(struct ledger *ledger, const char *product,
                                  const struct sha256 *spki, const char *by, struct fault *fault)
{
    enum error e = valid_name(product, fault);
    if (e == ERR_OK)
        e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_removal, sizeof(struct removal_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct removal_change *body = (void *)change->body;
    strcpy(body->product, product);
    strcpy(body->by, by);
    body->spki = *spki;
    return commit_run(ledger->committer, change, fault);
}

/* ---- reading ---- */

enum error ledger_listed_state(struct ledger *ledger, int64_t product_id, struct sha256 *ret_state,
                               struct fault *fault)
{
    return ledger->ops->listed_state(ledger->store, product_id, ret_state, fault);
}

enum error ledger_listed_get(struct ledger *ledger, int64_t product_id, const struct sha256 *spki,
                             bool *ret_is_listed, struct ledger_listed *ret_device,
                             struct fault *fault)
{
    return ledger->ops->listed_get(ledger->store, product_id, spki, ret_is_listed, ret_device,
                                   fault);
}

enum error ledger_device_lists_each(struct ledger *ledger, int64_t product_id,
                                    bool (*each)(void *context,
                                                 const struct ledger_device_list *list),
                                    void *context, struct fault *fault)
{
    return ledger->ops->lists_each(ledger->store, product_id, each, context, fault);
}
