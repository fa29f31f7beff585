/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed documents as changes: each is counted once, with what it does, its bytes and its leaf in
 * one transaction. Who signed was checked before. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/grant_leaf.h"
#include "ledger/handle.h"
#include "ledger/rebind.h"
#include "ledger/valid.h"

/* A document on its way; its texts and bytes stand behind it. */
struct grant_change {
    struct ledger_grant grant;       /* its pointers point into this body */
    struct ledger_settings settings; /* of a policy, likewise */
    char product[LEDGER_NAME_MAX + 1];
    char lot[LEDGER_NAME_MAX + 1];
    char profile[LEDGER_PROFILE_MAX];
    char options[LEDGER_OPTIONS_MAX + 1];
    char by[LEDGER_BY_MAX + 1];
    struct ledger_product row; /* the product as the document finds it */
    struct ledger_granted granted;
    uint8_t bytes[]; /* the document, then the anchors */
};

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_GRANT_REFUSED, reason, detail, 0);
}

/* ---- may it count ---- */

static enum error check_dates(const struct change_context *context,
                              const struct ledger_grant *grant, struct fault *fault)
{
    int64_t overridden = 0;
    enum error e = context->ops->overridden(context->store, &overridden, fault);
    if (e != ERR_OK)
        return e;
    if (context->now_unix_ms < grant->not_before_unix_ms)
        return refuse(fault, "not-yet-valid", "The document does not count before its date.");
    if (grant->not_after_unix_ms != 0 && context->now_unix_ms > grant->not_after_unix_ms)
        return refuse(fault, "expired", "The document could be accepted until its date only.");
    if (grant->issued_unix_ms < overridden)
        return refuse(fault, "before-override",
                      "The document was issued before the ledger's last override: its maker signs "
                      "a new one.");
    return ERR_OK;
}

static enum error check_unused(const struct change_context *context,
                               const struct ledger_grant *grant, struct fault *fault)
{
    bool is_used = false;
    enum error e = context->ops->document_is_known(context->store, &grant->id, &is_used, fault);
    if (e == ERR_OK && is_used)
        e = fault_set(fault, ERR_CONFLICT, "grant-used",
                      "This document was accepted before; each counts once.", 0);
    return e;
}

static bool has_sequence(const struct ledger_grant *grant)
{
    return grant->kind == LEDGER_GRANT_POLICY || grant->kind == LEDGER_GRANT_REBIND ||
           grant->kind == LEDGER_GRANT_STANDBY;
}

static enum error check_product(const struct grant_change *change, struct fault *fault)
{
    const struct ledger_product *row = &change->row;
    const struct ledger_grant *grant = &change->grant;
    if (!row->is_governed)
        return refuse(fault, "product-local",
                      "The product is local: no signed document changes it.");
    if (has_sequence(grant) && grant->sequence != row->sequence + 1)
        return refuse(fault, "sequence",
                      "The document's sequence is not the next one: another must come first, or "
                      "this one is old.");
    return ERR_OK;
}

/* ---- what each kind does ---- */

typedef enum error (*grant_effect)(struct change_context *context, struct grant_change *change,
                                   struct fault *fault);

static enum error add_units(struct change_context *context, const struct grant_change *change,
                            enum store_units kind, int64_t sum, int64_t units, struct fault *fault)
{
    if (units > LEDGER_QUOTA_MAX - sum)
        return refuse(fault, "limit", "The sum would exceed 1000000000000 units.");
    return context->ops->units_add(context->store, change->row.id, kind, units, fault);
}

static enum error do_install(struct change_context *context, struct grant_change *change,
                             struct fault *fault)
{
    return add_units(context, change, STORE_ACCEPTED, change->row.accepted, change->grant.units,
                     fault);
}

static enum error do_scrap(struct change_context *context, struct grant_change *change,
                           struct fault *fault)
{
    return add_units(context, change, STORE_SCRAP_ALLOWANCE, change->row.scrap_allowance,
                     change->grant.units, fault);
}

/* What was charged stays; so do units drawn for scrap, which are never more than those charged. */
static enum error do_revoke(struct change_context *context, struct grant_change *change,
                            struct fault *fault)
{
    int64_t remaining = change->row.quota - change->row.used;
    int64_t units = change->grant.units;
    change->granted.taken = units < remaining ? units : remaining;
    return context->ops->units_add(context->store, change->row.id, STORE_REVOKED,
                                   change->granted.taken, fault);
}

/* The product of a first policy, still local: do_policy follows. */
static enum error create(struct change_context *context, struct grant_change *change,
                         struct fault *fault)
{
    const struct ledger_product_new product = grant_product(&change->grant);
    enum error e = context->ops->product_add(context->store, &product, fault);
    if (e == ERR_OK)
        e = context->ops->product_get_mine(context->store, product.name, &change->row, fault);
    if (e == ERR_OK)
        e = grant_leaf_created(context, &change->grant, change->by, fault);
    return e;
}

static enum error do_policy(struct change_context *context, struct grant_change *change,
                            struct fault *fault)
{
    return context->ops->product_govern(context->store, change->row.id, change->grant.settings,
                                        change->grant.sequence, fault);
}

static enum error do_rebind(struct change_context *context, struct grant_change *change,
                            struct fault *fault)
{
    enum error e = rebind_device(context, change->row.id, &change->grant.rebinding, fault);
    if (e == ERR_CONFLICT) {
        fault->code = ERR_GRANT_REFUSED; /* for the same reason */
        return ERR_GRANT_REFUSED;
    }
    if (e == ERR_OK)
        e = context->ops->sequence_set(context->store, change->row.id, change->grant.sequence,
                                       fault);
    return e;
}

static bool is_same_head(const struct ledger_head *a, const struct ledger_head *b)
{
    return a->size == b->size && sha256_equal(&a->root, &b->root);
}

static enum error do_override(struct change_context *context, struct grant_change *change,
                              struct fault *fault)
{
    struct store_breach newest;
    const struct ledger_heads *heads = &change->grant.heads;
    enum error e = context->ops->breach_newest(context->store, &newest, fault);
    if (e != ERR_OK)
        return e;
    if (newest.id == 0 || newest.breach.is_overridden)
        return refuse(fault, "no-mismatch",
                      "The ledger extends the HSM's anchor: there is nothing to override.");
    if (!is_same_head(&newest.breach.heads.anchor, &heads->anchor) ||
        !is_same_head(&newest.breach.heads.found, &heads->found))
        return refuse(fault, "other-heads",
                      "The document names other heads than those that were found.");
    return context->ops->consent_add(context->store, newest.id, change->row.id, fault);
}

/* No row says it: an export goes through the documents themselves. */
static enum error do_standby(struct change_context *context, struct grant_change *change,
                             struct fault *fault)
{
    return context->ops->sequence_set(context->store, change->row.id, change->grant.sequence,
                                      fault);
}

static const grant_effect EFFECTS[] = {
    [LEDGER_GRANT_INSTALL] = do_install,   [LEDGER_GRANT_SCRAP] = do_scrap,
    [LEDGER_GRANT_REVOKE] = do_revoke,     [LEDGER_GRANT_POLICY] = do_policy,
    [LEDGER_GRANT_OVERRIDE] = do_override, [LEDGER_GRANT_REBIND] = do_rebind,
    [LEDGER_GRANT_STANDBY] = do_standby,
};

/* ---- the change ---- */

static enum error add_document(struct change_context *context, const struct grant_change *change,
                               struct fault *fault)
{
    const struct ledger_grant *grant = &change->grant;
    struct ledger_document document = {.id = grant->id,
                                       .kind = grant->kind,
                                       .units = grant->units,
                                       .taken = change->granted.taken,
                                       .sequence = grant->sequence,
                                       .accepted_unix_ms = context->now_unix_ms,
                                       .journal_index = change->granted.journal_index,
                                       .document = grant->document};
    strcpy(document.lot, grant->lot);
    return context->ops->document_add(context->store, change->row.id, &document, fault);
}

/* The product, which a first policy makes when there is none. */
static enum error find_product(struct change_context *context, struct grant_change *change,
                               struct fault *fault)
{
    const struct ledger_grant *grant = &change->grant;
    enum error e =
        context->ops->product_get_mine(context->store, grant->product, &change->row, fault);
    if (e == ERR_OK)
        return check_product(change, fault);
    if (e == ERR_PRODUCT_UNKNOWN && grant->kind == LEDGER_GRANT_POLICY && grant->sequence == 1)
        e = create(context, change, fault);
    return e;
}

static enum error note_result(struct change_context *context, struct grant_change *change,
                              struct fault *fault)
{
    struct ledger_product after;
    enum error e =
        context->ops->product_get_mine(context->store, change->grant.product, &after, fault);
    if (e != ERR_OK)
        return e;
    change->granted.granted = after.quota;
    change->granted.remaining = after.quota - after.used;
    change->granted.sequence = after.sequence;
    return ERR_OK;
}

static enum error apply_grant(struct change_context *context, void *body, struct fault *fault)
{
    struct grant_change *change = body;
    enum error e = check_unused(context, &change->grant, fault);
    if (e == ERR_OK)
        e = check_dates(context, &change->grant, fault);
    if (e == ERR_OK)
        e = find_product(context, change, fault);
    if (e == ERR_OK)
        e = EFFECTS[change->grant.kind](context, change, fault);
    if (e == ERR_OK)
        e = note_result(context, change, fault);
    if (e == ERR_OK)
        e = grant_leaf_append(context, &change->grant, change->by, &change->granted, fault);
    if (e == ERR_OK)
        e = add_document(context, change, fault);
    if (e == ERR_OK)
        change_raise_barrier(context, change->granted.journal_index);
    return e;
}

/* Everything that the caller only lends is copied: he may give up while the writer works. */
static void fill_settings(struct grant_change *body)
{
    const struct ledger_settings *from = body->grant.settings;
    uint8_t *anchors = body->bytes + body->grant.document.length;
    body->settings = *from;
    strcpy(body->profile, from->profile);
    strcpy(body->options, from->options != NULL ? from->options : "");
    memcpy(anchors, from->anchors.data, from->anchors.length);
    body->settings.profile = body->profile;
    body->settings.options = body->options;
    body->settings.anchors.data = anchors;
    body->grant.settings = &body->settings;
}

static void fill(struct grant_change *body, const struct ledger_grant *grant, const char *by)
{
    body->grant = *grant;
    strcpy(body->product, grant->product);
    strcpy(body->lot, grant->lot);
    strcpy(body->by, by);
    memcpy(body->bytes, grant->document.data, grant->document.length);
    body->grant.product = body->product;
    body->grant.lot = body->lot;
    body->grant.document.data = body->bytes;
    if (grant->settings != NULL)
        fill_settings(body);
}

static enum error check_grant(const struct ledger_grant *grant, const char *by, struct fault *fault)
{
    enum error e = valid_by(by, fault);
    if (e == ERR_OK)
        e = valid_grant(grant, fault);
    if (e != ERR_OK || grant->settings == NULL)
        return e;
    const struct ledger_product_new product = grant_product(grant);
    return valid_product(&product, fault);
}

enum error ledger_grant_apply(struct ledger *ledger, const struct ledger_grant *grant,
                              const char *by, struct ledger_granted *ret_granted,
                              struct fault *fault)
{
    enum error e = check_grant(grant, by, fault);
    if (e != ERR_OK)
        return e;
    size_t anchors = grant->settings != NULL ? grant->settings->anchors.length : 0;
    CHANGE_AUTO *change = ledger_change(
        apply_grant, sizeof(struct grant_change) + grant->document.length + anchors, fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct grant_change *body = (void *)change->body;
    fill(body, grant, by);
    e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        *ret_granted = body->granted;
    return e;
}

enum error ledger_documents_each(struct ledger *ledger, const char *product,
                                 bool (*each)(void *context,
                                              const struct ledger_document *document),
                                 void *context, struct fault *fault)
{
    return ledger->ops->documents_each(ledger->store, product, each, context, fault);
}
