/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Outcomes as changes: what became of an install, the account it moves, the scrap unit it draws
 * and its journal leaf, in one transaction. Owns no state.
 */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/rules.h"
#include "ledger/valid.h"

static const char *result_name(enum ledger_result result)
{
    switch (result) {
    case LEDGER_SUCCEEDED:
        return "succeeded";
    case LEDGER_FAILED:
        return "failed";
    case LEDGER_SCRAPPED:
        return "scrapped";
    }
    return "unknown";
}

static bool is_same_outcome(const struct store_install_view *install,
                            const struct ledger_outcome *outcome)
{
    return install->result == (int64_t)outcome->result &&
           strcmp(install->code, outcome->code) == 0 &&
           strcmp(install->detail, outcome->detail) == 0;
}

/* An outcome and what came of it. */
struct outcome_change {
    struct ledger_outcome outcome;
    struct ledger_recorded recorded;
};

static enum error append_outcome(struct change_context *context, const struct store_outcome *set,
                                 struct fault *fault)
{
    const struct ledger_outcome *outcome = set->outcome;
    struct leaf leaf = leaf_new(context, "install-outcome");
    leaf_put_uuid(&leaf, "install", &outcome->install);
    leaf_put_text(&leaf, "result", result_name(outcome->result));
    leaf_put_optional(&leaf, "code", outcome->code);
    leaf_put_optional(&leaf, "detail", outcome->detail);
    leaf_put_number(&leaf, "attempt", set->install->attempts);
    leaf_put_text(&leaf, "station", set->install->caller.name);
    if (outcome->result == LEDGER_SCRAPPED)
        leaf_put_flag(&leaf, "scrap_drawn", set->draws_scrap);
    if (outcome->receipt_length > 0) {
        leaf_put_base64(&leaf, "receipt", bytes_of(outcome->receipt, outcome->receipt_length));
        leaf_put_base64(&leaf, "key", bytes_of(outcome->key, outcome->key_length));
    }
    return leaf_append(&leaf, NULL, fault);
}

/* A receipt that comes later is news; an outcome without one takes no proof away. */
static bool is_news(const struct store_install_view *install, const struct ledger_outcome *outcome)
{
    return !is_same_outcome(install, outcome) ||
           (outcome->receipt_length > 0 && !install->has_receipt);
}

static struct store_outcome judge(const struct change_context *context,
                                  const struct ledger_outcome *outcome,
                                  const struct store_install_view *install)
{
    bool keeps_receipt = outcome->receipt_length == 0 && install->has_receipt &&
                         outcome->result == LEDGER_SUCCEEDED && install->result == LEDGER_SUCCEEDED;
    bool is_proven = outcome->receipt_length > 0 || keeps_receipt;
    return (struct store_outcome){
        .outcome = outcome,
        .install = install,
        .time_unix_ms = context->now_unix_ms,
        .move = rules_move_outcome(install, outcome->result, is_proven),
        .is_unit_moved = rules_outcome_counts(install, outcome->result),
        .is_proven = is_proven,
        .keeps_receipt = keeps_receipt,
        .draws_scrap =
            outcome->result == LEDGER_SCRAPPED && !install->is_scrapped && install->scrap_left > 0,
    };
}

/* What stands after it, also when it was no news. */
static struct ledger_recorded recorded_by(const struct store_outcome *set)
{
    const struct store_install_view *install = set->install;
    return (struct ledger_recorded){
        .is_proven = set->is_proven,
        .attempt = install->attempts,
        .is_scrapped = install->is_scrapped || set->outcome->result == LEDGER_SCRAPPED,
        .is_scrap_drawn = install->is_scrap_drawn || set->draws_scrap,
    };
}

static enum error find_install(struct change_context *context, const struct ledger_outcome *outcome,
                               struct store_install_view *ret_install, struct fault *fault)
{
    enum error e = context->ops->outcome_view(context->store, outcome, ret_install, fault);
    if (e == ERR_OK)
        e = rules_caller(&ret_install->caller, ret_install->product, fault);
    if (e == ERR_OK && ret_install->is_scrapped && outcome->result != LEDGER_SCRAPPED)
        e = fault_set(fault, ERR_DEVICE_SCRAPPED, "device-scrapped",
                      "This device was reported as scrapped.", 0);
    return e;
}

static enum error apply_outcome(struct change_context *context, void *body, struct fault *fault)
{
    struct outcome_change *change = body;
    struct store_install_view install;
    enum error e = find_install(context, &change->outcome, &install, fault);
    if (e != ERR_OK)
        return e;
    const struct store_outcome set = judge(context, &change->outcome, &install);
    change->recorded = recorded_by(&set);
    if (!is_news(&install, &change->outcome))
        return ERR_OK;
    e = context->ops->outcome_set(context->store, &set, fault);
    if (e == ERR_OK)
        e = append_outcome(context, &set, fault);
    return e;
}

enum error ledger_outcome_record(struct ledger *ledger, const struct ledger_outcome *outcome,
                                 struct ledger_recorded *ret_recorded, struct fault *fault)
{
    enum error e = valid_outcome(outcome, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_outcome, sizeof(struct outcome_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    change_keeps_catalogue(change);
    struct outcome_change *body = (void *)change->body;
    body->outcome = *outcome;
    e = commit_run(ledger->committer, change, fault);
    if (e == ERR_OK && ret_recorded != NULL)
        *ret_recorded = body->recorded;
    return e;
}

enum error ledger_install_device(struct ledger *ledger, const struct uuid *install,
                                 struct ledger_device *ret_device, struct fault *fault)
{
    return ledger->ops->install_device(ledger->store, install, ret_device, fault);
}
