/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl budget set, remove and list: shares of a product's quota. Owns no state. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/clock.h"

/* The ledger's own limits. */
#define UNITS_MAX          INT64_C(1000000000000)
#define PERIOD_MAX_MINUTES (7 * 24 * 60)
#define MS_PER_MINUTE      60000
#define TAKEN_AWAY         (-1) /* units of a budget that is none */

/* ---- set and remove ---- */

static enum error read_times(const struct arguments *arguments,
                             Provisiond__BudgetSetRequest *budget, struct failure *failure)
{
    if (!text_parse_minutes(arguments_get(arguments, OPTION_PERIOD), PERIOD_MAX_MINUTES,
                            &budget->period_minutes) ||
        budget->period_minutes == 0)
        return failure_set_usage(failure, "--period wants a time from 1m to 7d, such as 8h");
    if (!text_parse_minutes(arguments_get_or(arguments, OPTION_OFFSET, "0h"), PERIOD_MAX_MINUTES,
                            &budget->offset_minutes) ||
        budget->offset_minutes >= budget->period_minutes)
        return failure_set_usage(failure, "--offset wants a time shorter than the period, such as "
                                          "6h");
    return ERR_OK;
}

static enum error ask_set(const struct arguments *arguments, Provisiond__BudgetSetRequest *budget,
                          struct failure *failure)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    budget->product = (char *)arguments->operands[0];
    budget->station = (char *)arguments_get_or(arguments, OPTION_STATION, "");
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_BUDGET_SET;
    request.budget_set = budget;
    return admin_ask(arguments, &request, -1, &reply, failure);
}

/* Whom a budget is for, in a sentence. */
static const char *name_station(const char *station)
{
    return station[0] != '\0' ? station : "all stations together";
}

static json_t *budget_to_json(const Provisiond__BudgetSetRequest *budget)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:I}", "product", output_text(budget->product),
                     "station", output_text(budget->station), "units", (json_int_t)budget->units,
                     "period_minutes", (json_int_t)budget->period_minutes, "offset_minutes",
                     (json_int_t)budget->offset_minutes);
}

enum error command_budget_set(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__BudgetSetRequest budget = PROVISIOND__BUDGET_SET_REQUEST__INIT;
    char period[NUMBER_TEXT_SIZE];
    char offset[NUMBER_TEXT_SIZE];
    enum error e =
        arguments_get_number(arguments, OPTION_UNITS, 0, UNITS_MAX, &budget.units, failure);
    if (e == ERR_OK)
        e = read_times(arguments, &budget, failure);
    if (e == ERR_OK)
        e = ask_set(arguments, &budget, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(budget_to_json(&budget), failure);
    (void)printf("%s: at most %" PRId64 " units every %s for %s, counted from %s after midnight "
                 "UTC.\n",
                 budget.product, budget.units, text_minutes(budget.period_minutes, period),
                 name_station(budget.station), text_minutes(budget.offset_minutes, offset));
    return ERR_OK;
}

enum error command_budget_remove(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__BudgetSetRequest budget = PROVISIOND__BUDGET_SET_REQUEST__INIT;
    budget.units = TAKEN_AWAY;
    enum error e = ask_set(arguments, &budget, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:o}", "product", output_text(budget.product),
                                     "station", output_text(budget.station)),
                           failure);
    (void)printf("%s: no budget for %s any more.\n", budget.product, name_station(budget.station));
    return ERR_OK;
}

/* ---- the list ---- */

static enum error check_budgets(const Provisiond__BudgetListReply *list, struct failure *failure)
{
    for (size_t i = 0; i < list->n_budgets; i++) {
        const Provisiond__BudgetEntry *budget = list->budgets[i];
        if (budget->units < 0 || budget->used < 0 || budget->period_minutes < 1 ||
            budget->period_minutes > PERIOD_MAX_MINUTES ||
            budget->offset_minutes >= budget->period_minutes)
            return failure_set_plain(failure, ERR_INTERNAL,
                                     "The vault's answer holds a budget that is none");
    }
    return ERR_OK;
}

/* When the next period begins, and with it a new share. */
static int64_t next_period_ms(const Provisiond__BudgetEntry *budget, int64_t now_ms)
{
    const int64_t period_ms = (int64_t)budget->period_minutes * MS_PER_MINUTE;
    const int64_t offset_ms = (int64_t)budget->offset_minutes * MS_PER_MINUTE;
    assert(period_ms > 0); /* was checked when it came */
    return now_ms - (now_ms - offset_ms) % period_ms + period_ms;
}

/* Of a budget that was lowered within a period more may be used than it has. */
static int64_t remaining_of(const Provisiond__BudgetEntry *budget)
{
    return budget->used < budget->units ? budget->units - budget->used : 0;
}

static enum error print_budgets_json(const Provisiond__BudgetListReply *list,
                                     struct failure *failure)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->n_budgets; i++) {
        const Provisiond__BudgetEntry *budget = list->budgets[i];
        char next[TIMESTAMP_SIZE];
        timestamp_format(next_period_ms(budget, clock_unix_ms()), next);
        (void)json_array_append_new(
            array,
            json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:s}", "station",
                      output_text(budget->station), "units", (json_int_t)budget->units,
                      "period_minutes", (json_int_t)budget->period_minutes, "offset_minutes",
                      (json_int_t)budget->offset_minutes, "used", (json_int_t)budget->used,
                      "remaining", (json_int_t)remaining_of(budget), "next_period_at", next));
    }
    return output_json(json_pack("{s:o}", "budgets", array), failure);
}

static void add_budget(struct table *table, const Provisiond__BudgetEntry *budget)
{
    char units[NUMBER_TEXT_SIZE];
    char period[NUMBER_TEXT_SIZE];
    char offset[NUMBER_TEXT_SIZE];
    char used[NUMBER_TEXT_SIZE];
    char remaining[NUMBER_TEXT_SIZE];
    char next[TIMESTAMP_SIZE];
    timestamp_format(next_period_ms(budget, clock_unix_ms()), next);
    table_add_row(
        table, (const char *[]){budget->station[0] != '\0' ? budget->station : "(all together)",
                                text_minutes(budget->period_minutes, period),
                                text_minutes(budget->offset_minutes, offset),
                                text_number(budget->units, units), text_number(budget->used, used),
                                text_number(remaining_of(budget), remaining), next});
}

static enum error print_budgets(const Provisiond__BudgetListReply *list, struct failure *failure)
{
    static const struct table_column columns[] = {
        {"STATION", false}, {"PERIOD", true},    {"OFFSET", true}, {"UNITS", true},
        {"USED", true},     {"REMAINING", true}, {"NEXT", false}};
    TABLE_AUTO table = table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->n_budgets; i++)
        add_budget(table, list->budgets[i]);
    output_note_empty(list->n_budgets, "budgets");
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

enum error command_budget_list(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__BudgetListRequest list = PROVISIOND__BUDGET_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    list.product = (char *)arguments->operands[0];
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_BUDGET_LIST;
    request.budget_list = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        e = check_budgets(reply->budget_list, failure);
    if (e != ERR_OK)
        return e;
    return arguments_has(arguments, OPTION_JSON) ? print_budgets_json(reply->budget_list, failure)
                                                 : print_budgets(reply->budget_list, failure);
}
