/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Metering: licenses and refusals as changes. What a store reads is judged in rules.c; what
 * happened becomes a journal leaf in the same transaction. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/budget.h"
#include "ledger/gate.h"
#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/rules.h"
#include "ledger/valid.h"

#define HOUR_MS INT64_C(3600000)

/* ---- standing and issue ---- */

enum error ledger_standing(struct ledger *ledger, int64_t product_id, int64_t image_id,
                           int64_t principal_id, const struct ledger_device *device,
                           enum ledger_standing *ret_standing, struct fault *fault)
{
    const struct ledger_issue asked = {.product_id = product_id,
                                       .image_id = image_id,
                                       .principal_id = principal_id,
                                       .device = *device};
    struct store_view view;
    enum error e = valid_device(device, fault);
    if (e == ERR_OK)
        e = ledger->ops->view(ledger->store, &asked, &view, fault);
    if (e == ERR_OK)
        e = rules_standing(&view, device, clock_unix_ms(), ret_standing, fault);
    return e;
}

/* The body of an issue: the license's bytes stand behind it. */
struct issue_change {
    struct ledger_issue issue;
    struct ledger_issued issued;
    uint8_t license[];
};

static void put_unit(struct leaf *leaf, const struct ledger_issued *issued,
                     const struct store_view *view)
{
    leaf_put_flag(leaf, "charged", issued->is_charged);
    if (!issued->is_charged)
        leaf_put_uuid(leaf, "unit", &view->unit_install);
}

static enum error append_license(struct change_context *context, const struct issue_change *change,
                                 const struct store_view *view, int64_t *ret_index,
                                 struct fault *fault)
{
    const struct ledger_issued *issued = &change->issued;
    const struct sha256 digest = sha256_of(bytes_of(issued->license, issued->license_length));
    struct leaf leaf = leaf_new(context, issued->is_repeat ? "license-reissued" : "license-issued");
    leaf_put_text(&leaf, "product", view->product);
    leaf_put_device(&leaf, &change->issue.device);
    leaf_put_image(&leaf, "image", &view->image);
    leaf_put_uuid(&leaf, "install", &issued->install);
    leaf_put_hex(&leaf, "license", bytes_of(digest.bytes, SHA256_SIZE));
    leaf_put_text(&leaf, "station", view->principal);
    if (issued->is_repeat)
        leaf_put_number(&leaf, "attempt", issued->attempt);
    else
        put_unit(&leaf, issued, view);
    leaf_put_context(&leaf, &change->issue.context);
    return leaf_append(&leaf, ret_index, fault);
}

static enum error issue_first(struct change_context *context, struct issue_change *change,
                              const struct store_view *view, struct fault *fault)
{
    struct ledger_issued *issued = &change->issued;
    const struct store_install install = {
        .issue = &change->issue,
        .id = uuid_new(context->now_unix_ms),
        .device_id = view->device_id,
        .unit_id = view->unit_id,
        .policy = view->policy,
        .time_unix_ms = context->now_unix_ms,
        .move = rules_move_install(view),
    };
    if (change->issue.license.length == 0)
        return fault_set(fault, ERR_INTERNAL, "license-missing",
                         "A stored license was asked for and none is stored.", 0);
    enum error e = gate_first_license(context, fault);
    if (e == ERR_OK)
        e = context->ops->install_add(context->store, &install, fault);
    if (e == ERR_OK && install.unit_id == 0)
        e = budget_draw(context, change->issue.product_id, view->budgets, fault);
    if (e != ERR_OK)
        return e;
    issued->install = install.id;
    issued->license_length = change->issue.license.length;
    memcpy(issued->license, change->issue.license.data, issued->license_length);
    issued->is_charged = install.unit_id == 0;
    issued->attempt = 1;
    issued->remaining = view->remaining - (issued->is_charged ? 1 : 0);
    return ERR_OK;
}

static enum error issue_again(struct change_context *context, struct issue_change *change,
                              const struct store_view *view, struct fault *fault)
{
    change->issued.is_repeat = true;
    change->issued.remaining = view->remaining;
    const struct store_repeat repeat = {.install_id = view->install_id,
                                        .device_id = view->device_id,
                                        .device = &change->issue.device,
                                        .time_unix_ms = context->now_unix_ms};
    return context->ops->install_repeat(context->store, &repeat, &change->issued, fault);
}

static enum error apply_issue(struct change_context *context, void *body, struct fault *fault)
{
    struct issue_change *change = body;
    struct store_view view;
    enum ledger_standing standing = LEDGER_MAY_ISSUE;
    enum error e = gate_license(context, fault);
    if (e == ERR_OK)
        e = context->ops->issue_view(context->store, &change->issue, &view, fault);
    if (e == ERR_OK)
        e = rules_subject(&view, fault);
    if (e == ERR_OK)
        e = rules_standing(&view, &change->issue.device, context->now_unix_ms, &standing, fault);
    if (e == ERR_OK && standing == LEDGER_LICENSED)
        e = issue_again(context, change, &view, fault);
    else if (e == ERR_OK)
        e = issue_first(context, change, &view, fault);
    if (e == ERR_OK)
        e = append_license(context, change, &view, &change->issued.journal_index, fault);
    return e;
}

enum error ledger_issue(struct ledger *ledger, const struct ledger_issue *issue,
                        struct ledger_issued *ret_issued, struct fault *fault)
{
    enum error e = valid_issue(issue, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change =
        ledger_change(apply_issue, sizeof(struct issue_change) + issue->license.length, fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct issue_change *body = (void *)change->body;
    body->issue = *issue;
    if (issue->license.length > 0)
        memcpy(body->license, issue->license.data, issue->license.length);
    body->issue.license.data = body->license;
    e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        *ret_issued = body->issued;
    return e;
}

/* ---- refusals ---- */

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
