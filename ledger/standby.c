/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Standby HSMs as changes: which there are, what was wrapped for them, and images that come from
 * another HSM's ledger. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/image_leaf.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

static enum error conflict(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_CONFLICT, reason, detail, 0);
}

static void put_digest(struct leaf *leaf, const char *key, const struct sha256 *digest)
{
    leaf_put_hex(leaf, key, bytes_of(digest->bytes, SHA256_SIZE));
}

static void put_standby(struct leaf *leaf, const struct ledger_standby *standby)
{
    const struct sha256 key = sha256_of(bytes_of(standby->spki, standby->spki_length));
    leaf_put_text(leaf, "name", standby->name);
    put_digest(leaf, "standby", &standby->hsm);
    put_digest(leaf, "spki", &key);
}

static bool is_same_standby(const struct ledger_standby *a, const struct ledger_standby *b)
{
    return strcmp(a->name, b->name) == 0 && sha256_equal(&a->hsm, &b->hsm) &&
           bytes_equal(bytes_of(a->spki, a->spki_length), bytes_of(b->spki, b->spki_length));
}

/* ---- which there are ---- */

struct standby_change {
    struct ledger_standby standby;
    char by[LEDGER_BY_MAX + 1];
};

static enum error append_standby(struct change_context *context, const char *type,
                                 const struct standby_change *change, struct fault *fault)
{
    struct leaf leaf = leaf_new(context, type);
    put_standby(&leaf, &change->standby);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, NULL, fault);
}

/* A new name for a new HSM, and not too many of them. */
static enum error check_room(struct change_context *context, const struct ledger_standby *standby,
                             struct fault *fault)
{
    int64_t count = 0;
    bool is_known = false;
    enum error e =
        context->ops->standby_count(context->store, &standby->hsm, &count, &is_known, fault);
    if (e != ERR_OK)
        return e;
    if (is_known)
        return conflict(fault, "standby-exists",
                        "This HSM is a standby already: remove it first (provctl standby list, "
                        "provctl standby remove).");
    if (count >= LEDGER_STANDBYS_MAX)
        return conflict(fault, "too-many-standbys", "There are 16 standby HSMs already.");
    return ERR_OK;
}

static enum error apply_add(struct change_context *context, void *body, struct fault *fault)
{
    struct standby_change *change = body;
    struct ledger_standby found;
    enum error e = context->ops->standby_named(context->store, change->standby.name, &found, fault);
    if (e == ERR_OK)
        return is_same_standby(&found, &change->standby)
                   ? ERR_OK
                   : conflict(fault, "standby-exists",
                              "Another HSM, or another key, has this name: remove it first "
                              "(provctl standby remove).");
    if (e == ERR_CONFLICT)
        e = check_room(context, &change->standby, fault);
    if (e != ERR_OK)
        return e;
    change->standby.added_unix_ms = context->now_unix_ms;
    e = context->ops->standby_add(context->store, &change->standby, fault);
    return e == ERR_OK ? append_standby(context, "standby-added", change, fault) : e;
}

static enum error apply_remove(struct change_context *context, void *body, struct fault *fault)
{
    struct standby_change *change = body;
    enum error e =
        context->ops->standby_named(context->store, change->standby.name, &change->standby, fault);
    if (e == ERR_OK)
        e = context->ops->standby_remove(context->store, change->standby.id, fault);
    return e == ERR_OK ? append_standby(context, "standby-removed", change, fault) : e;
}

static enum error valid_standby(const struct ledger_standby *standby, struct fault *fault)
{
    enum error e = valid_name(standby->name, fault);
    if (e == ERR_OK && (standby->spki_length < 1 || standby->spki_length > LEDGER_SPKI_MAX))
        e = fault_set(fault, ERR_BAD_REQUEST, "transport-key",
                      "A transport key is 1 to 256 bytes of DER.", 0);
    return e;
}

static enum error run_standby(struct ledger *ledger, change_apply apply,
                              const struct ledger_standby *standby, const char *by,
                              struct fault *fault)
{
    enum error e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply, sizeof(struct standby_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct standby_change *body = (void *)change->body;
    body->standby = *standby;
    strcpy(body->by, by);
    return commit_run(ledger->committer, change, fault);
}

enum error ledger_standby_add(struct ledger *ledger, const struct ledger_standby *standby,
                              const char *by, struct fault *fault)
{
    enum error e = valid_standby(standby, fault);
    return e == ERR_OK ? run_standby(ledger, apply_add, standby, by, fault) : e;
}

enum error ledger_standby_remove(struct ledger *ledger, const char *name, const char *by,
                                 struct fault *fault)
{
    struct ledger_standby standby = {0};
    enum error e = valid_name(name, fault);
    if (e != ERR_OK)
        return e;
    strcpy(standby.name, name);
    return run_standby(ledger, apply_remove, &standby, by, fault);
}

enum error ledger_standby_get(struct ledger *ledger, const char *name,
                              struct ledger_standby *ret_standby, struct fault *fault)
{
    enum error e = valid_name(name, fault);
    return e == ERR_OK ? ledger->ops->standby_get(ledger->store, name, ret_standby, fault) : e;
}

enum error ledger_standbys_each(struct ledger *ledger,
                                bool (*each)(void *context, const struct ledger_standby *standby),
                                void *context, struct fault *fault)
{
    return ledger->ops->standbys_each(ledger->store, each, context, fault);
}

/* ---- what was wrapped for them ---- */

struct handover_change {
    char product[LEDGER_NAME_MAX + 1];
    struct ledger_standby standby;
    int64_t sequence;
    int64_t images;
    struct sha256 file;
    char by[LEDGER_BY_MAX + 1];
};

static enum error append_handover(struct change_context *context,
                                  const struct handover_change *change, struct fault *fault)
{
    struct leaf leaf = leaf_new(context, "session-keys-exported");
    leaf_put_text(&leaf, "product", change->product);
    put_standby(&leaf, &change->standby);
    leaf_put_number(&leaf, "images", change->images);
    put_digest(&leaf, "file", &change->file);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, NULL, fault);
}

static enum error apply_handover(struct change_context *context, void *body, struct fault *fault)
{
    const struct handover_change *change = body;
    struct ledger_standby found;
    struct ledger_product product;
    enum error e = context->ops->standby_named(context->store, change->standby.name, &found, fault);
    if (e == ERR_OK && !is_same_standby(&found, &change->standby))
        e = conflict(fault, "standby-unknown",
                     "The standby HSM was removed or exchanged meanwhile: export again.");
    if (e == ERR_OK)
        e = context->ops->product_get_mine(context->store, change->product, &product, fault);
    if (e == ERR_OK && product.sequence != change->sequence)
        e = conflict(fault, "product-changed",
                     "A signed document of the product was accepted meanwhile: export again.");
    if (e == ERR_OK)
        e = context->ops->handover_set(context->store, found.id, product.id, change->images,
                                       context->now_unix_ms, fault);
    return e == ERR_OK ? append_handover(context, change, fault) : e;
}

enum error ledger_handover_note(struct ledger *ledger, const struct ledger_handover *handover,
                                const char *by, struct fault *fault)
{
    enum error e = valid_name(handover->product, fault);
    if (e == ERR_OK)
        e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_handover, sizeof(struct handover_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct handover_change *body = (void *)change->body;
    strcpy(body->product, handover->product);
    strcpy(body->by, by);
    body->standby = *handover->standby;
    body->sequence = handover->sequence;
    body->images = handover->images;
    body->file = handover->file;
    return commit_run(ledger->committer, change, fault);
}

enum error ledger_handed_over_each(struct ledger *ledger,
                                   bool (*each)(void *context,
                                                const struct ledger_handed_over *row),
                                   void *context, struct fault *fault)
{
    return ledger->ops->handed_over_each(ledger->store, each, context, fault);
}

/* ---- images from elsewhere ---- */

struct import_change {
    char product[LEDGER_NAME_MAX + 1];
    char by[LEDGER_BY_MAX + 1];
    struct ledger_image image;
    bool has_hsm; /* it comes from another one's ledger */
    struct sha256 hsm;
    bool is_new; /* the answer */
};

static enum error append_import(struct change_context *context, const struct import_change *change,
                                struct fault *fault)
{
    struct leaf leaf = leaf_new(context, "session-keys-imported");
    leaf_put_text(&leaf, "product", change->product);
    leaf_put_image(&leaf, "image", &change->image.digest);
    put_digest(&leaf, "hsm", &change->hsm);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, NULL, fault);
}

static enum error add_image(struct change_context *context, const struct import_change *change,
                            struct fault *fault)
{
    enum error e = image_leaf_add(context, change->product, &change->image, fault);
    if (e == ERR_OK && change->has_hsm)
        e = append_import(context, change, fault);
    if (e == ERR_OK)
        e = image_leaf_added(context, change->product, &change->image, change->by, fault);
    if (e == ERR_OK && change->image.alias[0] != '\0')
        e = image_leaf_alias(context, change->product, &change->image, change->by, NULL, fault);
    return e;
}

static enum error apply_import(struct change_context *context, void *body, struct fault *fault)
{
    struct import_change *change = body;
    bool is_known = false;
    bool is_same = false;
    enum error e = image_leaf_check_key(context, change->product, &change->image, fault);
    if (e == ERR_OK)
        e = context->ops->image_compare(context->store, change->product, &change->image, &is_known,
                                        &is_same, fault);
    if (e != ERR_OK)
        return e;
    change->is_new = !is_known;
    if (is_same)
        return ERR_OK;
    if (is_known)
        return conflict(fault, "image-other-key",
                        "The product has this image already, under another session key.");
    return add_image(context, change, fault);
}

enum error ledger_image_import(struct ledger *ledger, const char *product,
                               const struct ledger_image *image, const struct sha256 *hsm,
                               const char *by, bool *ret_is_new, struct fault *fault)
{
    enum error e = valid_image(image, fault);
    if (e == ERR_OK)
        e = valid_alias(image->alias, fault);
    if (e == ERR_OK)
        e = valid_name(product, fault);
    if (e == ERR_OK)
        e = valid_by(by, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_import, sizeof(struct import_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct import_change *body = (void *)change->body;
    strcpy(body->product, product);
    strcpy(body->by, by);
    body->image = *image;
    body->has_hsm = hsm != NULL;
    if (hsm != NULL)
        body->hsm = *hsm;
    e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        *ret_is_new = body->is_new;
    return e;
}
