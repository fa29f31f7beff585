/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Listings of the admin socket: rows are collected into one growing block of fixed-size rows, then
 * pointed at by the reply. Owns no state beyond the task.
 */
#include "vault/admin_task.h"

#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"

struct product_row {
    Provisiond__ProductEntry entry;
    struct ledger_product product;
};

struct image_row {
    Provisiond__ImageEntry entry;
    struct ledger_image image;
};

struct station_row {
    Provisiond__StationEntry entry;
    struct ledger_principal principal;
};

/* A block of rows of one size; links is what the reply's repeated field points at. */
struct listing {
    char *rows;
    void **links;
    size_t row_size;
    size_t count;
    size_t capacity;
    bool is_out_of_memory;
};

static void listing_free(void *memory)
{
    struct listing *listing = memory;
    free(listing->rows);
    free(listing->links);
    free(listing);
}

static struct listing *listing_new(struct admin_task *task, size_t row_size)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL)
        return NULL;
    listing->row_size = row_size;
    task->memory = listing;
    task->free_memory = listing_free;
    return listing;
}

/* The place of a new row; rows beyond ADMIN_ROWS_MAX push the oldest out. NULL: no memory. */
static void *listing_add(struct listing *listing)
{
    if (listing->count == ADMIN_ROWS_MAX) {
        memmove(listing->rows, listing->rows + listing->row_size,
                (listing->count - 1) * listing->row_size);
        listing->count--;
    }
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 16 : 2 * listing->capacity;
        char *rows = realloc(listing->rows, capacity * listing->row_size);
        listing->is_out_of_memory = rows == NULL;
        if (rows == NULL)
            return NULL;
        listing->rows = rows;
        listing->capacity = capacity;
    }
    return listing->rows + listing->row_size * listing->count++;
}

/* Rows do not move any more: points links at them. */
static enum error listing_finish(struct admin_task *task, enum error e, struct listing *listing)
{
    if (e != ERR_OK)
        return e;
    listing->links = calloc(listing->count + 1, sizeof listing->links[0]);
    if (listing->is_out_of_memory || listing->links == NULL)
        return fault_set(&task->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    for (size_t i = 0; i < listing->count; i++)
        listing->links[i] = listing->rows + i * listing->row_size;
    return ERR_OK;
}

static enum error refuse_memory(struct admin_task *task)
{
    return fault_set(&task->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
}

/* ---- products ---- */

static bool add_product(void *context, const struct ledger_product *product)
{
    struct product_row *row = listing_add(context);
    if (row != NULL)
        row->product = *product;
    return row != NULL;
}

static void fill_product(struct product_row *row)
{
    provisiond__product_entry__init(&row->entry);
    row->entry.name = row->product.name;
    row->entry.profile = row->product.profile;
    row->entry.policy = (char *)(uintptr_t) "per-device";
    row->entry.enabled = row->product.is_enabled;
    row->entry.quota = row->product.quota;
    row->entry.used = row->product.used;
    row->entry.allow_session_key_exposure = row->product.allows_key_exposure;
    row->entry.options = row->product.options;
}

/* One product by its name, or all. */
static enum error find_products(struct admin_task *task, struct listing *listing)
{
    const char *name = task->request->product_list->name;
    struct ledger_product product;
    if (name[0] == '\0')
        return ledger_products_each(task->vault->ledger, add_product, listing, &task->fault);
    enum error e = ledger_product_get(task->vault->ledger, name, &product, &task->fault);
    if (e == ERR_OK)
        (void)add_product(listing, &product);
    return e;
}

enum error admin_product_list(struct admin_task *task)
{
    struct listing *listing = listing_new(task, sizeof(struct product_row));
    Provisiond__ProductListReply *reply = &task->result.product_list;
    if (listing == NULL)
        return refuse_memory(task);
    enum error e = find_products(task, listing);
    e = listing_finish(task, e, listing);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        fill_product(listing->links[i]);
    provisiond__product_list_reply__init(reply);
    reply->n_products = listing->count;
    reply->products = (Provisiond__ProductEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_LIST;
    task->reply.product_list = reply;
    return ERR_OK;
}

/* ---- images ---- */

static bool add_image(void *context, const struct ledger_image *image)
{
    struct image_row *row = listing_add(context);
    if (row != NULL)
        row->image = *image;
    return row != NULL;
}

static void fill_image(struct image_row *row)
{
    provisiond__image_entry__init(&row->entry);
    row->entry.image = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = row->image.digest.bytes};
    row->entry.label = row->image.label;
    row->entry.size = (uint64_t)row->image.size;
    row->entry.enabled = row->image.is_enabled;
    row->entry.created_unix_ms = row->image.created_unix_ms;
    row->entry.alias = row->image.alias;
}

/* The newest enabled one is what "latest" means; rows come oldest first. */
static void mark_latest(struct listing *listing)
{
    for (size_t i = listing->count; i > 0; i--) {
        struct image_row *row = listing->links[i - 1];
        if (row->entry.enabled) {
            row->entry.latest = true;
            return;
        }
    }
}

enum error admin_image_list(struct admin_task *task)
{
    struct ledger_product product;
    struct listing *listing = listing_new(task, sizeof(struct image_row));
    Provisiond__ImageListReply *reply = &task->result.image_list;
    if (listing == NULL)
        return refuse_memory(task);
    enum error e = ledger_product_get(task->vault->ledger, task->request->image_list->product,
                                      &product, &task->fault);
    if (e == ERR_OK)
        e = ledger_images_each(task->vault->ledger, product.id, add_image, listing, &task->fault);
    e = listing_finish(task, e, listing);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        fill_image(listing->links[i]);
    mark_latest(listing);
    provisiond__image_list_reply__init(reply);
    reply->n_images = listing->count;
    reply->images = (Provisiond__ImageEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_LIST;
    task->reply.image_list = reply;
    return ERR_OK;
}

/* ---- stations ---- */

static bool add_station(void *context, const struct ledger_principal *principal)
{
    if (principal->role != LEDGER_STATION)
        return true;
    struct station_row *row = listing_add(context);
    if (row != NULL)
        row->principal = *principal;
    return row != NULL;
}

static void fill_station(struct station_row *row)
{
    provisiond__station_entry__init(&row->entry);
    row->entry.name = row->principal.name;
    row->entry.spki = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = row->principal.spki.bytes};
    row->entry.enabled = row->principal.is_enabled;
}

enum error admin_station_list(struct admin_task *task)
{
    struct listing *listing = listing_new(task, sizeof(struct station_row));
    Provisiond__StationListReply *reply = &task->result.station_list;
    if (listing == NULL)
        return refuse_memory(task);
    enum error e = ledger_principals_each(task->vault->ledger, add_station, listing, &task->fault);
    e = listing_finish(task, e, listing);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        fill_station(listing->links[i]);
    provisiond__station_list_reply__init(reply);
    reply->n_stations = listing->count;
    reply->stations = (Provisiond__StationEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STATION_LIST;
    task->reply.station_list = reply;
    return ERR_OK;
}
