/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who the caller is, and what he may see of products, policies, images and stations. Owns no state.
 */
#include <stdlib.h>
#include <string.h>

#include "vault/listing.h"
#include "vault/scope.h"
#include "vault/station_task.h"

/* ---- GET /v1/self ---- */

enum error station_self(struct vault *vault, const request_message *message,
                        const struct ledger_principal *caller, struct answer *answer)
{
    struct principal_row *row = &answer->values.self;
    (void)vault;
    (void)message;
    row->principal = *caller;
    entry_fill_principal(row, NULL);
    provisiond__self_reply__init(&answer->result.self);
    answer->result.self.principal = &row->entry;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_SELF;
    answer->message.self = &answer->result.self;
    return ERR_OK;
}

/* ---- GET /v1/products ---- */

struct product_search {
    struct listing *listing;
    const struct ledger_principal *caller;
};

static bool add_visible(void *context, const struct ledger_product *product)
{
    const struct product_search *search = context;
    if (!ledger_scope_has(search->caller->scope.products, product->name))
        return true;
    return entry_add_product(search->listing, product);
}

/* One product by its name, or all that the caller may see. */
static enum error find_products(struct vault *vault, const char *name,
                                const struct ledger_principal *caller, struct listing *listing,
                                struct fault *fault)
{
    struct ledger_product product;
    struct product_search search = {.listing = listing, .caller = caller};
    if (name[0] == '\0')
        return ledger_products_each(vault->ledger, add_visible, &search, fault);
    enum error e = station_find_product(vault, caller, name, &product, fault);
    if (e == ERR_OK)
        (void)entry_add_product(listing, &product);
    return e;
}

enum error station_product_read(struct vault *vault, const request_message *message,
                                const struct ledger_principal *caller, struct answer *answer)
{
    const char *name = message->product_read->name;
    struct listing *listing = station_listing(answer, sizeof(struct product_row));
    Provisiond__ProductReadReply *reply = &answer->result.product_read;
    if (listing == NULL)
        return answer->fault.code;
    enum error e = find_products(vault, name, caller, listing, &answer->fault);
    e = listing_finish(listing, e, &answer->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        entry_fill_product(vault, listing->links[i], name[0] != '\0');
    provisiond__product_read_reply__init(reply);
    reply->n_products = listing->count;
    reply->products = (Provisiond__ProductEntry **)listing->links;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_PRODUCT_READ;
    answer->message.product_read = reply;
    return ERR_OK;
}

/* ---- GET /v1/products/{product}/policy ---- */

struct policy {
    struct product_row row;
    char *anchors;
    size_t length;
};

static void policy_free(void *memory)
{
    struct policy *policy = memory;
    if (policy != NULL)
        free(policy->anchors);
    free(policy);
}

enum error station_policy_read(struct vault *vault, const request_message *message,
                               const struct ledger_principal *caller, struct answer *answer)
{
    struct policy *policy = calloc(1, sizeof *policy);
    Provisiond__PolicyReadReply *reply = &answer->result.policy_read;
    answer->memory = policy;
    answer->free_memory = policy_free;
    if (policy == NULL)
        return fault_set(&answer->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = station_find_product(vault, caller, message->policy_read->product,
                                        &policy->row.product, &answer->fault);
    if (e == ERR_OK)
        e = ledger_product_anchors(vault->ledger, policy->row.product.id, &policy->anchors,
                                   &policy->length, &answer->fault);
    if (e != ERR_OK)
        return e;
    entry_fill_product(vault, &policy->row, true);
    provisiond__policy_read_reply__init(reply);
    reply->product = &policy->row.entry;
    reply->anchors =
        (ProtobufCBinaryData){.len = policy->length, .data = (uint8_t *)policy->anchors};
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_POLICY_READ;
    answer->message.policy_read = reply;
    return ERR_OK;
}

/* ---- GET /v1/images ---- */

static enum error find_images(struct vault *vault, struct listing *products,
                              struct image_search *search, struct fault *fault)
{
    enum error e = ERR_OK;
    for (size_t i = 0; i < products->count && e == ERR_OK; i++) {
        const struct product_row *row = products->links[i];
        e = entry_find_images(vault->ledger, &row->product, search, fault);
    }
    if (e == ERR_OK && search->digest != NULL && search->listing->count == 0)
        e = fault_set(fault, ERR_IMAGE_UNKNOWN, "image-unknown",
                      "No product that the caller may see has this image.", 0);
    return e;
}

static enum error search_images(struct vault *vault, const Provisiond__ImageReadRequest *asked,
                                const struct ledger_principal *caller, struct listing *listing,
                                struct fault *fault)
{
    struct sha256 digest;
    struct image_search search = {.listing = listing};
    if (asked->image.len > 0 && !station_read_digest(&asked->image, &digest))
        return station_refuse_field(fault, "image");
    if (asked->image.len > 0)
        search.digest = &digest;
    struct listing *products = listing_new(sizeof(struct product_row));
    if (products == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = find_products(vault, asked->product, caller, products, fault);
    e = listing_finish(products, e, fault);
    if (e == ERR_OK)
        e = find_images(vault, products, &search, fault);
    listing_free(products);
    return e;
}

enum error station_image_read(struct vault *vault, const request_message *message,
                              const struct ledger_principal *caller, struct answer *answer)
{
    struct listing *listing = station_listing(answer, sizeof(struct image_row));
    Provisiond__ImageReadReply *reply = &answer->result.image_read;
    if (listing == NULL)
        return answer->fault.code;
    enum error e = search_images(vault, message->image_read, caller, listing, &answer->fault);
    e = listing_finish(listing, e, &answer->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        entry_fill_image(listing->links[i]);
    provisiond__image_read_reply__init(reply);
    reply->n_images = listing->count;
    reply->images = (Provisiond__ImageEntry **)listing->links;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_IMAGE_READ;
    answer->message.image_read = reply;
    return ERR_OK;
}

/* ---- GET /v1/stations ---- */

/* Only stations here: who administers the site is the admin socket's to say. */
enum error station_principal_list(struct vault *vault, const request_message *message,
                                  const struct ledger_principal *caller, struct answer *answer)
{
    const Provisiond__PrincipalListRequest *asked = message->principal_list;
    struct listing *listing = station_listing(answer, sizeof(struct principal_row));
    struct principal_search search = {
        .listing = listing, .name = asked->name, .role = LEDGER_STATION, .seer = caller};
    Provisiond__PrincipalListReply *reply = &answer->result.principal_list;
    if (listing == NULL)
        return answer->fault.code;
    if (asked->role != PROVISIOND__ROLE__ROLE_UNKNOWN &&
        asked->role != PROVISIOND__ROLE__ROLE_STATION)
        return station_refuse_field(&answer->fault, "role");
    enum error e = entry_find_principals(vault->ledger, &search, &answer->fault);
    e = listing_finish(listing, e, &answer->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        entry_fill_principal(listing->links[i], caller);
    provisiond__principal_list_reply__init(reply);
    reply->n_principals = listing->count;
    reply->principals = (Provisiond__PrincipalEntry **)listing->links;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_PRINCIPAL_LIST;
    answer->message.principal_list = reply;
    return ERR_OK;
}
