/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Administration as changes: products, quota, images. Every one names who did it in its journal
 * leaf; a change that changes nothing leaves no leaf. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/image_leaf.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

/* ---- products ---- */

/* The PEM text stands behind it. */
struct product_change {
    char name[LEDGER_NAME_MAX + 1];
    char profile[LEDGER_PROFILE_MAX];
    char by[LEDGER_BY_MAX + 1];
    char options[LEDGER_OPTIONS_MAX + 1];
    struct ledger_product_new product; /* its pointers point into this body */
    uint8_t anchors[];
};

/* A governed product's name is not only taken: nobody here could free it. */
static enum error check_name(struct change_context *context, const char *name, struct fault *fault)
{
    struct ledger_product product;
    enum error e = context->ops->product_get_mine(context->store, name, &product, fault);
    if (e == ERR_OK)
        return valid_local(&product, fault);
    return e == ERR_PRODUCT_UNKNOWN ? ERR_OK : e;
}

static enum error apply_product(struct change_context *context, void *body, struct fault *fault)
{
    const struct product_change *change = body;
    const struct ledger_product_new *product = &change->product;
    enum error e = check_name(context, product->name, fault);
    if (e == ERR_OK)
        e = context->ops->product_add(context->store, product, fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "product-created");
    leaf_put_product(&leaf, product);
    leaf_put_hex(&leaf, "firmware_key",
                 bytes_of(product->firmware_key, sizeof product->firmware_key));
    leaf_put_number(&leaf, "quota", product->quota);
    leaf_put_flag(&leaf, "governed", false);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, NULL, fault);
}

enum error ledger_product_create(struct ledger *ledger, const struct ledger_product_new *product,
                                 const char *by, struct fault *fault)
{
    enum error e = valid_product(product, fault);
    if (e == ERR_OK)
        e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(
        apply_product, sizeof(struct product_change) + product->anchors.length, fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct product_change *body = (void *)change->body;
    strcpy(body->name, product->name);
    strcpy(body->profile, product->profile);
    strcpy(body->by, by);
    strcpy(body->options, product->options != NULL ? product->options : "");
    memcpy(body->anchors, product->anchors.data, product->anchors.length);
    body->product = *product;
    body->product.name = body->name;
    body->product.profile = body->profile;
    body->product.options = body->options;
    body->product.anchors.data = body->anchors;
    return commit_run(ledger->committer, change, fault);
}

struct units_change {
    char product[LEDGER_NAME_MAX + 1];
    char by[LEDGER_BY_MAX + 1];
    enum store_units kind;
    int64_t units;
    int64_t sum; /* the answer */
};

static enum error append_units(struct change_context *context, const struct units_change *change,
                               struct fault *fault)
{
    bool is_scrap = change->kind == STORE_SCRAP_ALLOWANCE;
    struct leaf leaf = leaf_new(context, is_scrap ? "scrap-allowance-added" : "quota-added");
    leaf_put_text(&leaf, "product", change->product);
    leaf_put_number(&leaf, "units", change->units);
    leaf_put_number(&leaf, is_scrap ? "allowance" : "quota", change->sum);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, NULL, fault);
}

static enum error apply_units(struct change_context *context, void *body, struct fault *fault)
{
    struct units_change *change = body;
    struct ledger_product product;
    enum error e = context->ops->product_get_mine(context->store, change->product, &product, fault);
    if (e == ERR_OK)
        e = valid_local(&product, fault);
    if (e != ERR_OK)
        return e;
    bool is_scrap = change->kind == STORE_SCRAP_ALLOWANCE;
    int64_t limited = is_scrap ? product.scrap_allowance : product.accepted;
    if (change->units > LEDGER_QUOTA_MAX - limited)
        return fault_set(fault, ERR_BAD_REQUEST, "quota-too-large",
                         "All units ever added to a product are at most 1000000000000, and so is "
                         "its scrap allowance.",
                         0);
    change->sum = (is_scrap ? product.scrap_allowance : product.quota) + change->units;
    e = context->ops->units_add(context->store, product.id, change->kind, change->units, fault);
    if (e == ERR_OK)
        e = append_units(context, change, fault);
    return e;
}

static enum error add_units(struct ledger *ledger, const struct units_change *wanted,
                            int64_t *ret_sum, struct fault *fault)
{
    CHANGE_AUTO *change = ledger_change(apply_units, sizeof *wanted, fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct units_change *body = (void *)change->body;
    *body = *wanted;
    enum error e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        *ret_sum = body->sum;
    return e;
}

static enum error check_units(struct units_change *wanted, const char *product, const char *by,
                              struct fault *fault)
{
    enum error e = valid_name(product, fault);
    if (e == ERR_OK)
        e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    if (wanted->units < 1 || wanted->units > LEDGER_QUOTA_MAX)
        return fault_set(fault, ERR_BAD_REQUEST, "units", "Units to add are 1 to 1000000000000.",
                         0);
    strcpy(wanted->product, product);
    strcpy(wanted->by, by);
    return ERR_OK;
}

enum error ledger_quota_add(struct ledger *ledger, const char *product, int64_t units,
                            const char *by, int64_t *ret_quota, struct fault *fault)
{
    struct units_change wanted = {.kind = STORE_ACCEPTED, .units = units};
    enum error e = check_units(&wanted, product, by, fault);
    return e == ERR_OK ? add_units(ledger, &wanted, ret_quota, fault) : e;
}

enum error ledger_scrap_add(struct ledger *ledger, const char *product, int64_t units,
                            const char *by, int64_t *ret_allowance, struct fault *fault)
{
    struct units_change wanted = {.kind = STORE_SCRAP_ALLOWANCE, .units = units};
    enum error e = check_units(&wanted, product, by, fault);
    return e == ERR_OK ? add_units(ledger, &wanted, ret_allowance, fault) : e;
}

/* ---- images ---- */

struct image_change {
    char product[LEDGER_NAME_MAX + 1];
    char by[LEDGER_BY_MAX + 1];
    struct ledger_image image;
    struct ledger_named named; /* the answer, where the change is about a name */
};

/* A change about an image of a product, or NULL; *ret_error says why. */
static struct change *image_change(change_apply apply, const char *product, const char *by,
                                   enum error *ret_error, struct fault *fault)
{
    *ret_error = valid_name(product, fault);
    if (*ret_error == ERR_OK)
        *ret_error = valid_by(by, fault);
    if (*ret_error != ERR_OK)
        return NULL;
    struct change *change = ledger_change(apply, sizeof(struct image_change), fault);
    if (change == NULL) {
        *ret_error = ERR_INTERNAL;
        return NULL;
    }
    struct image_change *body = (void *)change->body;
    strcpy(body->product, product);
    strcpy(body->by, by);
    return change;
}

enum error image_leaf_added(struct change_context *context, const char *product,
                            const struct ledger_image *image, const char *by, struct fault *fault)
{
    struct leaf leaf = leaf_new(context, "image-added");
    leaf_put_text(&leaf, "product", product);
    leaf_put_image(&leaf, "image", &image->digest);
    leaf_put_number(&leaf, "size", image->size);
    leaf_put_optional(&leaf, "label", image->label);
    leaf_put_optional(&leaf, "content", image->content); /* "": the profile's default */
    leaf_put_flag(&leaf, "enabled", image->is_enabled);
    leaf_put_text(&leaf, "by", by);
    return leaf_append(&leaf, NULL, fault);
}

enum error image_leaf_check_key(struct change_context *context, const char *product,
                                const struct ledger_image *image, struct fault *fault)
{
    struct ledger_product found;
    enum error e = context->ops->product_get_mine(context->store, product, &found, fault);
    if (e == ERR_OK && image->generation != found.generation)
        e = fault_set(fault, ERR_CONFLICT, "firmware-key-changed",
                      "The product's firmware key was rotated meanwhile: give the command again.",
                      0);
    return e;
}

enum error image_leaf_add(struct change_context *context, const char *product,
                          const struct ledger_image *image, struct fault *fault)
{
    enum error e = image_leaf_check_key(context, product, image, fault);
    return e == ERR_OK ? context->ops->image_add(context->store, product, image, fault) : e;
}

static enum error apply_image(struct change_context *context, void *body, struct fault *fault)
{
    const struct image_change *change = body;
    enum error e = image_leaf_add(context, change->product, &change->image, fault);
    return e == ERR_OK
               ? image_leaf_added(context, change->product, &change->image, change->by, fault)
               : e;
}

enum error ledger_image_add(struct ledger *ledger, const char *product,
                            const struct ledger_image *image, const char *by, struct fault *fault)
{
    enum error e = valid_image(image, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = image_change(apply_image, product, by, &e, fault);
    if (change == NULL)
        return e;
    ((struct image_change *)(void *)change->body)->image = *image;
    return commit_run(ledger->committer, change, fault);
}

static enum error apply_image_enable(struct change_context *context, void *body,
                                     struct fault *fault)
{
    const struct image_change *change = body;
    const struct ledger_image *image = &change->image;
    bool is_changed = false;
    enum error e = context->ops->image_enable(context->store, change->product, &image->digest,
                                              image->is_enabled, &is_changed, fault);
    if (e != ERR_OK || !is_changed)
        return e;
    struct leaf leaf = leaf_new(context, image->is_enabled ? "image-enabled" : "image-disabled");
    leaf_put_text(&leaf, "product", change->product);
    leaf_put_image(&leaf, "image", &image->digest);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, NULL, fault);
}

enum error ledger_image_enable(struct ledger *ledger, const char *product,
                               const struct sha256 *digest, bool is_enabled, const char *by,
                               struct fault *fault)
{
    enum error e = ERR_OK;
    CHANGE_AUTO *change = image_change(apply_image_enable, product, by, &e, fault);
    if (change == NULL)
        return e;
    struct image_change *body = (void *)change->body;
    body->image.digest = *digest;
    body->image.is_enabled = is_enabled;
    return commit_run(ledger->committer, change, fault);
}

enum error image_leaf_alias(struct change_context *context, const char *product,
                            const struct ledger_image *image, const char *by,
                            struct ledger_named *ret_named, struct fault *fault)
{
    struct store_renaming renaming = {0};
    enum error e = context->ops->image_alias(context->store, product, image, &renaming, fault);
    if (ret_named != NULL)
        *ret_named = renaming.named;
    if (e != ERR_OK || !renaming.is_changed)
        return e;
    struct leaf leaf = leaf_new(context, "image-alias");
    leaf_put_text(&leaf, "product", product);
    leaf_put_image(&leaf, "image", &image->digest);
    leaf_put_text(&leaf, "alias", image->alias);
    leaf_put_optional(&leaf, "was_called", renaming.named.was_called);
    if (renaming.named.is_moved)
        leaf_put_image(&leaf, "moved_from", &renaming.named.moved_from);
    leaf_put_text(&leaf, "by", by);
    return leaf_append(&leaf, NULL, fault);
}

static enum error apply_image_alias(struct change_context *context, void *body, struct fault *fault)
{
    struct image_change *change = body;
    return image_leaf_alias(context, change->product, &change->image, change->by, &change->named,
                            fault);
}

enum error ledger_image_alias(struct ledger *ledger, const struct ledger_naming *naming,
                              const char *by, struct ledger_named *ret_named, struct fault *fault)
{
    enum error e = valid_alias(naming->alias, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = image_change(apply_image_alias, naming->product, by, &e, fault);
    if (change == NULL)
        return e;
    struct image_change *body = (void *)change->body;
    body->image.digest = naming->digest;
    strcpy(body->image.alias, naming->alias);
    e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK && ret_named != NULL)
        *ret_named = body->named;
    return e;
}
