/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Refused identities as changes, which nobody waits for: at most one leaf per identity, code and
 * hour. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

#define HOUR_MS INT64_C(3600000)

struct refusal_change {
    char product[LEDGER_NAME_MAX + 1];
    char reason[LEDGER_REASON_MAX + 1];
    int64_t principal_id;
    enum error code;
    bool has_device;
    struct ledger_device device;
};

/* Zeroed before it is filled, so that equal identities are equal bytes. */
struct refusal_identity {
    char product[LEDGER_NAME_MAX + 1];
    struct ledger_device device;
    int64_t principal_id;
};

static struct sha256 identity_of(const struct refusal_change *refusal)
{
    struct refusal_identity identity;
    memset(&identity, 0, sizeof identity);
    if (refusal->has_device) {
        strcpy(identity.product, refusal->product);
        identity.device.spki = refusal->device.spki;
        strcpy(identity.device.serial, refusal->device.serial);
    } else {
        identity.principal_id = refusal->principal_id;
    }
    return sha256_of(bytes_of(&identity, sizeof identity));
}

static enum error apply_refusal(struct change_context *context, void *body, struct fault *fault)
{
    const struct refusal_change *refusal = body;
    const struct sha256 identity = identity_of(refusal);
    char station[LEDGER_NAME_MAX + 1];
    bool is_first = false;
    enum error e = context->ops->refusal_add(context->store, &identity, refusal->code,
                                             context->now_unix_ms / HOUR_MS, &is_first, fault);
    if (e != ERR_OK || !is_first)
        return e;
    e = context->ops->principal_name(context->store, refusal->principal_id, station, fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "identity-refused");
    leaf_put_text(&leaf, "product", refusal->product);
    leaf_put_optional(&leaf, "station", station);
    leaf_put_text(&leaf, "code", error_name(refusal->code));
    leaf_put_optional(&leaf, "reason", refusal->reason);
    if (refusal->has_device)
        leaf_put_device(&leaf, &refusal->device);
    return leaf_append(&leaf, NULL, fault);
}

void ledger_refusal_note(struct ledger *ledger, const struct ledger_refusal *refusal)
{
    if (!valid_refusal(refusal))
        return;
    CHANGE_AUTO *change = change_new(apply_refusal, sizeof(struct refusal_change));
    if (change == NULL)
        return;
    change_keeps_catalogue(change);
    struct refusal_change *body = (void *)change->body;
    strcpy(body->product, refusal->product);
    strcpy(body->reason, refusal->reason);
    body->principal_id = refusal->principal_id;
    body->code = refusal->code;
    body->has_device = refusal->device != NULL;
    if (body->has_device)
        body->device = *refusal->device;
    (void)commit_post(ledger->committer, change);
}
