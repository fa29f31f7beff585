/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Shares of a quota: set by hand, drawn with each charge. Owns no state. */
#include "ledger/budget.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "ledger/valid.h"

#define MINUTE_MS INT64_C(60000)

/* ---- drawing ---- */

/* Rounds down also before the first offset of 1970. */
static int64_t period_of(const struct store_budget *budget, int64_t now_unix_ms)
{
    int64_t minutes = now_unix_ms / MINUTE_MS - budget->offset_minutes;
    int64_t period = minutes / budget->period_minutes;
    return minutes % budget->period_minutes < 0 ? period - 1 : period;
}

int64_t budget_used(const struct store_budget *budget, int64_t now_unix_ms)
{
    return budget->period == period_of(budget, now_unix_ms) ? budget->used : 0;
}

/* The first moment of the next period, in which the budget is whole again. */
static int64_t period_end(const struct store_budget *budget, int64_t now_unix_ms)
{
    int64_t next = period_of(budget, now_unix_ms) + 1;
    return (next * budget->period_minutes + budget->offset_minutes) * MINUTE_MS;
}

static enum error refuse(const struct store_budget *budget, int64_t now_unix_ms,
                         struct fault *fault)
{
    enum error e = budget->principal_id != 0
                       ? fault_set(fault, ERR_BUDGET_SPENT, "station-budget",
                                   "This station's share of the product's quota is spent for the "
                                   "present period.",
                                   0)
                       : fault_set(fault, ERR_BUDGET_SPENT, "product-budget",
                                   "The product's share for the present period is spent.", 0);
    fault_set_until(fault, period_end(budget, now_unix_ms));
    return e;
}

enum error budget_check(const struct store_budget budgets[STORE_BUDGETS], int64_t now_unix_ms,
                        struct fault *fault)
{
    for (size_t i = 0; i < STORE_BUDGETS; i++) {
        const struct store_budget *budget = &budgets[i];
        if (!budget->is_set || budget_used(budget, now_unix_ms) < budget->units)
            continue;
        return refuse(budget, now_unix_ms, fault);
    }
    return ERR_OK;
}

enum error budget_draw(struct change_context *context, int64_t product_id,
                       const struct store_budget budgets[STORE_BUDGETS], struct fault *fault)
{
    enum error e = ERR_OK;
    for (size_t i = 0; i < STORE_BUDGETS && e == ERR_OK; i++) {
        struct store_budget drawn = budgets[i];
        if (!drawn.is_set)
            continue;
        drawn.used = budget_used(&drawn, context->now_unix_ms) + 1;
        drawn.period = period_of(&drawn, context->now_unix_ms);
        e = context->ops->budget_draw(context->store, product_id, &drawn, fault);
    }
    return e;
}

/* ---- setting ---- */

struct budget_change {
    struct ledger_budget budget;
    char by[LEDGER_BY_MAX + 1];
};

static enum error apply_budget(struct change_context *context, void *body, struct fault *fault)
{
    const struct budget_change *change = body;
    const struct ledger_budget *budget = &change->budget;
    bool is_changed = false;
    enum error e = context->ops->budget_set(context->store, budget, &is_changed, fault);
    if (e != ERR_OK || !is_changed)
        return e;
    struct leaf leaf = leaf_new(context, "budget-set");
    leaf_put_text(&leaf, "product", budget->product);
    leaf_put_optional(&leaf, "station", budget->station);
    leaf_put_number(&leaf, "units", budget->units);
    leaf_put_number(&leaf, "period_minutes", budget->period_minutes);
    leaf_put_number(&leaf, "offset_minutes", budget->offset_minutes);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, NULL, fault);
}

enum error ledger_budget_set(struct ledger *ledger, const struct ledger_budget *budget,
                             const char *by, struct fault *fault)
{
    enum error e = valid_by(by, fault);
    if (e == ERR_OK)
        e = valid_budget(budget, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_budget, sizeof(struct budget_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct budget_change *body = (void *)change->body;
    body->budget = *budget;
    strcpy(body->by, by);
    return commit_run(ledger->committer, change, fault);
}

enum error ledger_budgets_each(struct ledger *ledger, const char *product,
                               bool (*each)(void *context, const struct ledger_budget *budget),
                               void *context, struct fault *fault)
{
    return ledger->ops->budgets_each(ledger->store, product, clock_unix_ms(), each, context, fault);
}
