/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed lists of devices without certificates. Who may be on one is the signer's word, and who the
 * signer is, is the product's (its trust anchors): so that the one who brings a list need not be
 * trusted, and a governed product's lists come this way, too. Owns no state.
 */
#include "vault/admin_task.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device/allow_list.h"
#include "vault/governance.h"
#include "vault/listing.h"
#include "vault/product_cache.h"

#define PACKED_FIRST ((size_t)64 * 1024)

static_assert(ALLOW_LIST_DEVICES_MAX <= LEDGER_LISTED_MAX, "a list fits the ledger");

/* The devices of a list on their way into the ledger. */
struct collection {
    uint8_t *packed;
    size_t length;
    size_t capacity;
};

static bool grow(struct collection *collection)
{
    const size_t wanted = collection->capacity == 0 ? PACKED_FIRST : 2 * collection->capacity;
    uint8_t *larger = realloc(collection->packed, wanted);
    if (larger == NULL)
        return false;
    collection->packed = larger;
    collection->capacity = wanted;
    return true;
}

static enum error collect(void *context, const struct listed_device *device, struct fault *fault)
{
    struct collection *collection = context;
    struct ledger_listed listed = {.spki = device->spki};
    if (collection->capacity - collection->length < LEDGER_LISTED_PACKED && !grow(collection))
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for the list.", 0);
    strcpy(listed.serial, device->serial);
    collection->length += ledger_listed_pack(&listed, collection->packed + collection->length);
    return ERR_OK;
}

static enum error find_product(struct admin_task *task, const char *name,
                               struct ledger_product *ret_product,
                               struct product_anchors **ret_anchors)
{
    struct vault *vault = task->vault;
    struct product_anchors *anchors = NULL;
    enum error e = ledger_product_get(vault->ledger, name, ret_product, &task->fault);
    if (e == ERR_OK)
        e = governance_permits(vault->governance, ret_product->id, ret_product->name, &task->fault);
    if (e == ERR_OK)
        e = product_cache_get(vault->products, vault->ledger, ret_product, &anchors, &task->fault);
    if (e != ERR_OK)
        return e;
    if (product_anchors_signers(anchors) == NULL) {
        product_anchors_put(anchors);
        return fault_set(&task->fault, ERR_CONFLICT, "device-form",
                         "The devices of this product show certificates: lists are for products "
                         "that were made with --device-identity list.",
                         0);
    }
    *ret_anchors = anchors;
    return ERR_OK;
}

static enum error read_list(struct admin_task *task, const struct ledger_product *product,
                            const struct product_anchors *anchors, struct collection *collection,
                            struct ledger_device_list *ret_list)
{
    const Provisiond__DeviceAllowRequest *asked = task->request->device_allow;
    struct allow_list list;
    const struct allow_list_question question = {
        .signers = product_anchors_signers(anchors),
        .policy = &product_anchors_settings(anchors)->policy,
        .product = product->name,
        .key_id = asked->key_id[0] != '\0' ? asked->key_id : ALLOW_LIST_KEY_ID_DEFAULT,
        .signature = bytes_of(asked->signature.data, asked->signature.len),
        .take = collect,
        .context = collection,
    };
    enum error e = allow_list_read(&question, task->file, &list, &task->fault);
    if (e == ERR_OK)
        *ret_list = (struct ledger_device_list){
            .digest = list.digest, .signer = list.signer, .devices = list.count};
    return e;
}

static void answer(struct admin_task *task, const struct ledger_listing_result *result)
{
    struct ledger_device_list *list = &task->values.list;
    Provisiond__DeviceAllowReply *reply = &task->result.device_allow;
    provisiond__device_allow_reply__init(reply);
    reply->list = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = list->digest.bytes};
    reply->signer = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = list->signer.bytes};
    reply->devices = list->devices;
    reply->added = result->added;
    reply->renewed = result->renewed;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_DEVICE_ALLOW;
    task->reply.device_allow = reply;
}

static enum error allow(struct admin_task *task)
{
    struct collection collection = {.packed = NULL};
    struct ledger_product product;
    struct product_anchors *anchors = NULL;
    struct ledger_listing_result result;
    enum error e = find_product(task, task->request->device_allow->product, &product, &anchors);
    if (e == ERR_OK)
        e = read_list(task, &product, anchors, &collection, &task->values.list);
    product_anchors_put(anchors);
    if (e == ERR_OK) {
        const struct ledger_listing listing = {.product = product.name,
                                               .list = task->values.list,
                                               .packed =
                                                   bytes_of(collection.packed, collection.length)};
        e = ledger_devices_allow(task->vault->ledger, &listing, task->by, &result, &task->fault);
    }
    free(collection.packed);
    if (e == ERR_OK)
        answer(task, &result);
    return e;
}

/* A list is read for as long as it takes, as an image is encrypted: few at a time. */
enum error admin_device_allow(struct admin_task *task)
{
    const Provisiond__DeviceAllowRequest *asked = task->request->device_allow;
    struct stat info;
    if (task->file < 0 || fstat(task->file, &info) != 0 || !S_ISREG(info.st_mode))
        return admin_refuse_field(task, "list", "The list of devices must be a regular file.");
    if (asked->signature.len > ALLOW_LIST_SIGNATURE_MAX_BYTES)
        return admin_refuse_field(task, "signature", "A list's signature has at most 1 KiB.");
    if (strlen(asked->key_id) > ALLOW_LIST_KEY_ID_MAX)
        return admin_refuse_field(task, "key-id", "The kid of a key has at most 64 bytes.");
    return admin_long_work(task, allow);
}

enum error admin_device_disallow(struct admin_task *task)
{
    const Provisiond__DeviceDisallowRequest *asked = task->request->device_disallow;
    struct sha256 key;
    if (!admin_read_digest(&asked->key, &key))
        return admin_refuse_field(task, "key", "A key is named by its SHA-256, 64 hex digits.");
    struct ledger_product product;
    struct product_anchors *anchors = NULL;
    enum error e = find_product(task, asked->product, &product, &anchors);
    if (e != ERR_OK)
        return e;
    product_anchors_put(anchors);
    e = ledger_device_disallow(task->vault->ledger, asked->product, &key, task->by, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__device_disallow_reply__init(&task->result.device_disallow);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_DEVICE_DISALLOW;
    task->reply.device_disallow = &task->result.device_disallow;
    return ERR_OK;
}

/* ---- which lists there are ---- */

struct list_row {
    Provisiond__DeviceListEntry entry;
    struct ledger_device_list list;
};

static bool add_row(void *context, const struct ledger_device_list *list)
{
    struct list_row *row = listing_add(context);
    if (row != NULL)
        row->list = *list;
    return row != NULL;
}

static void fill_row(struct list_row *row)
{
    provisiond__device_list_entry__init(&row->entry);
    row->entry.list = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = row->list.digest.bytes};
    row->entry.signer = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = row->list.signer.bytes};
    row->entry.devices = row->list.devices;
    row->entry.added_unix_ms = row->list.added_unix_ms;
}

enum error admin_device_lists(struct admin_task *task)
{
    struct ledger_product product;
    Provisiond__DeviceListsReply *reply = &task->result.device_lists;
    struct listing *listing = listing_new(sizeof(struct list_row));
    task->memory = listing;
    task->free_memory = listing_free;
    if (listing == NULL)
        return fault_set(&task->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = ledger_product_get(task->vault->ledger, task->request->device_lists->product,
                                      &product, &task->fault);
    if (e == ERR_OK)
        e = ledger_device_lists_each(task->vault->ledger, product.id, add_row, listing,
                                     &task->fault);
    e = listing_finish(listing, e, &task->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        fill_row(listing->links[i]);
    provisiond__device_lists_reply__init(reply);
    reply->n_lists = listing->count;
    reply->lists = (Provisiond__DeviceListEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_DEVICE_LISTS;
    task->reply.device_lists = reply;
    return ERR_OK;
}
