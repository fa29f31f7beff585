/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Revocation lists of products. The ledger keeps them and judges none. Owns no state. */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

/* The PEM text stands behind it. */
struct crls_change {
    char product[LEDGER_NAME_MAX + 1];
    char by[LEDGER_BY_MAX + 1];
    struct ledger_crls_new crls; /* its text points into this body */
    uint8_t pem[];
};

static enum error append(struct change_context *context, const struct crls_change *change,
                         struct fault *fault)
{
    const struct sha256 digest = sha256_of(change->crls.pem);
    struct leaf leaf = leaf_new(context, "crls-set");
    leaf_put_text(&leaf, "product", change->product);
    leaf_put_hex(&leaf, "crls", bytes_of(digest.bytes, SHA256_SIZE));
    leaf_put_number(&leaf, "lists", change->crls.values.lists);
    leaf_put_flag(&leaf, "older", change->crls.accepts_older);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, NULL, fault);
}

static enum error apply_crls(struct change_context *context, void *body, struct fault *fault)
{
    const struct crls_change *change = body;
    struct ledger_product product;
    enum error e = context->ops->product_get_mine(context->store, change->product, &product, fault);
    if (e != ERR_OK)
        return e;
    if (product.anchors_version != change->crls.anchors_version)
        return fault_set(fault, ERR_CONFLICT, "product-changed",
                         "The product's trust anchors or revocation lists were changed meanwhile: "
                         "ask again.",
                         0);
    if (change->crls.pem.length == 0 && product.crls.lists == 0)
        return ERR_OK;
    e = context->ops->crls_set(context->store, product.id, &change->crls, fault);
    return e == ERR_OK ? append(context, change, fault) : e;
}

static enum error valid_crls(const struct ledger_crls_new *crls, struct fault *fault)
{
    const bool has_text = crls->pem.length > 0;
    if (crls->pem.length <= LEDGER_CRLS_MAX_BYTES && crls->values.lists >= has_text &&
        crls->values.lists <= LEDGER_CRLS_MAX && has_text == (crls->values.lists > 0))
        return ERR_OK;
    return fault_set(fault, ERR_BAD_REQUEST, "too-many-crls",
                     "A product has at most 16 revocation lists in 1 MiB of PEM.", 0);
}

enum error ledger_crls_set(struct ledger *ledger, const char *product,
                           const struct ledger_crls_new *crls, const char *by, struct fault *fault)
{
    enum error e = valid_name(product, fault);
    if (e == ERR_OK)
        e = valid_by(by, fault);
    if (e == ERR_OK)
        e = valid_crls(crls, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change =
        ledger_change(apply_crls, sizeof(struct crls_change) + crls->pem.length, fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct crls_change *body = (void *)change->body;
    strcpy(body->product, product);
    strcpy(body->by, by);
    body->crls = *crls;
    if (crls->pem.length > 0)
        memcpy(body->pem, crls->pem.data, crls->pem.length);
    body->crls.pem.data = body->pem;
    return commit_run(ledger->committer, change, fault);
}
