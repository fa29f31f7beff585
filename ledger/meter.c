/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Metering: licenses as changes, alone and in batches. What a store reads is judged in rules.c;
 * what happened becomes a journal leaf in the same transaction. Owns no state.
 */
#include "ledger/ledger.h"

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#include "ledger/budget.h"
#include "ledger/gate.h"
#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/rules.h"
#include "ledger/valid.h"

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
    leaf_put_text(&leaf, "station", view->caller.name);
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
    enum error e = gate_room(context, fault);
    if (e == ERR_OK)
        e = gate_first_license(context, fault);
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

/* Who has given up is told of no license: then none is counted. */
static enum error check_deadline(const struct ledger_issue *issue, struct fault *fault)
{
    if (issue->deadline == 0 || deadline_left_ms(issue->deadline) > 0)
        return ERR_OK;
    return fault_set(fault, ERR_BUSY, "late",
                     "The ledger had no time for this license before its answer was due.", 0);
}

static enum error apply_issue(struct change_context *context, void *body, struct fault *fault)
{
    struct issue_change *change = body;
    struct store_view view;
    enum ledger_standing standing = LEDGER_MAY_ISSUE;
    enum error e = check_deadline(&change->issue, fault);
    if (e == ERR_OK)
        e = gate_license(context, fault);
    if (e == ERR_OK)
        e = context->ops->issue_view(context->store, &change->issue, &view, fault);
    if (e == ERR_OK)
        e = rules_subject(&view, &change->issue.context, fault);
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

static size_t size_of(const struct ledger_issue *issue)
{
    size_t size = sizeof(struct issue_change) + issue->license.length;
    return (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

/* Everything that the caller only lends is copied: he may give up while the writer works. */
static void fill(struct issue_change *body, const struct ledger_issue *issue)
{
    body->issue = *issue;
    if (issue->license.length > 0)
        memcpy(body->license, issue->license.data, issue->license.length);
    body->issue.license.data = body->license;
}

enum error ledger_issue(struct ledger *ledger, const struct ledger_issue *issue,
                        struct ledger_issued *ret_issued, struct fault *fault)
{
    enum error e = valid_issue(issue, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_issue, size_of(issue), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    change_keeps_catalogue(change);
    struct issue_change *body = (void *)change->body;
    fill(body, issue);
    e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        *ret_issued = body->issued;
    return e;
}

/* ---- a batch ---- */

static_assert(sizeof(struct change_step) % alignof(max_align_t) == 0,
              "issues stand behind the steps");

static_assert(LEDGER_BATCH_MAX * (sizeof(struct change_step) + sizeof(struct issue_change) +
                                  LEDGER_LICENSE_MAX + alignof(max_align_t)) <
                  LEDGER_QUEUE_BYTES / 8,
              "several of the largest batches may wait");

/* Judges each item, and counts those to be issued with the memory that they need. */
static size_t measure(struct ledger_batch_item *items, size_t count, size_t *ret_count)
{
    size_t size = 0;
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].issue == NULL)
            continue;
        items[i].code = valid_issue(items[i].issue, &items[i].fault);
        if (items[i].code != ERR_OK)
            continue;
        size += size_of(items[i].issue);
        (*ret_count)++;
    }
    return size;
}

static bool is_in_batch(const struct ledger_batch_item *item)
{
    return item->issue != NULL && item->code == ERR_OK;
}

/* The steps stand first in the body, the issues behind them. */
static void fill_steps(struct change *change, const struct ledger_batch_item *items, size_t count,
                       size_t step_count)
{
    struct change_step *step = (void *)change->body;
    unsigned char *body = change->body + step_count * sizeof *step;
    change_set_steps(change, step, step_count);
    for (size_t i = 0; i < count; i++) {
        if (!is_in_batch(&items[i]))
            continue;
        fill((void *)body, items[i].issue);
        step->body = body;
        step++;
        body += size_of(items[i].issue);
    }
}

static void take_answers(const struct change *change, struct ledger_batch_item *items, size_t count)
{
    const struct change_step *step = change->steps;
    for (size_t i = 0; i < count; i++) {
        if (!is_in_batch(&items[i]))
            continue;
        const struct issue_change *body = step->body;
        items[i].code = step->code;
        if (step->code == ERR_OK)
            items[i].issued = body->issued;
        else
            items[i].fault = step->fault;
        step++;
    }
}

enum error ledger_issue_batch(struct ledger *ledger, struct ledger_batch_item *items, size_t count,
                              struct fault *fault)
{
    size_t step_count = 0;
    if (count < 1 || count > LEDGER_BATCH_MAX)
        return fault_set(fault, ERR_BAD_REQUEST, "batch", "A batch is 1 to 256 licenses.", 0);
    size_t size = measure(items, count, &step_count);
    if (step_count == 0)
        return ERR_OK;
    CHANGE_AUTO *change =
        ledger_change(apply_issue, step_count * sizeof(struct change_step) + size, fault);
    if (change == NULL)
        return ERR_INTERNAL;
    change_keeps_catalogue(change);
    fill_steps(change, items, count, step_count);
    enum error e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK)
        take_answers(change, items, count);
    return e;
}
