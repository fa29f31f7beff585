/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl reconcile: an export against the list of what was shipped. Owns no state. */
#include <string.h>

#include "audit/reconcile.h"
#include "cli/audit_progress.h"
#include "cli/commands.h"
#include "cli/reconcile_output.h"

#define UNREPORTED_HOURS 24
#define REISSUE_PERCENT  20
#define HOURS_OF_DAY     24
#define MINUTES_OF_HOUR  60

/* ---- options ---- */

static bool parse_two(const char *text, int64_t below, int64_t *ret_number)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return false;
    *ret_number = (text[0] - '0') * 10 + (text[1] - '0');
    return *ret_number < below;
}

/* "HH:MM" at text. */
static bool parse_minute(const char *text, int64_t *ret_minute)
{
    int64_t hours = 0;
    int64_t minutes = 0;
    if (strlen(text) < 5 || text[2] != ':' || !parse_two(text, HOURS_OF_DAY, &hours) ||
        !parse_two(text + 3, MINUTES_OF_HOUR, &minutes))
        return false;
    *ret_minute = hours * MINUTES_OF_HOUR + minutes;
    return true;
}

static enum error read_shift(const struct arguments *arguments, struct reconcile_request *request,
                             struct failure *failure)
{
    const char *text = arguments_get(arguments, OPTION_SHIFT);
    if (text == NULL)
        return ERR_OK;
    if (strlen(text) != strlen("HH:MM-HH:MM") || text[5] != '-' ||
        !parse_minute(text, &request->shift_begin) || !parse_minute(text + 6, &request->shift_end))
        return failure_set_usage(failure, "--shift wants HH:MM-HH:MM in UTC, such as 22:00-06:00");
    request->has_shift = true;
    return ERR_OK;
}

static enum error read_number(const struct arguments *arguments, enum option_id option, int64_t max,
                              int64_t *number, struct failure *failure)
{
    return arguments_has(arguments, option)
               ? arguments_get_number(arguments, option, 0, max, number, failure)
               : ERR_OK;
}

static enum error read_request(const struct arguments *arguments, struct reconcile_request *request,
                               struct failure *failure)
{
    *request = (struct reconcile_request){.export_path = arguments->operands[0],
                                          .mes_path = arguments_get(arguments, OPTION_MES),
                                          .unreported_hours = UNREPORTED_HOURS,
                                          .reissue_percent = REISSUE_PERCENT};
    if (arguments_has(arguments, OPTION_JSON) && arguments_has(arguments, OPTION_CSV))
        return failure_set_usage(failure, "Give --json or --csv, not both");
    enum error e = read_number(arguments, OPTION_UNREPORTED_HOURS, RECONCILE_HOURS_MAX,
                               &request->unreported_hours, failure);
    if (e == ERR_OK)
        e = read_number(arguments, OPTION_REISSUE_PERCENT, RECONCILE_PERCENT_MAX,
                        &request->reissue_percent, failure);
    return e == ERR_OK ? read_shift(arguments, request, failure) : e;
}

/* ---- running ---- */

/* Reasons of the MES's file, which have its line. */
static bool is_about_mes(const struct fault *fault)
{
    return strncmp(fault->reason, "mes-", 4) == 0 || strncmp(fault->reason, "csv-", 4) == 0;
}

static enum error fail(const struct reconcile_request *request, const struct fault *fault,
                       struct failure *failure)
{
    if (!is_about_mes(fault))
        return failure_set_plain(failure, fault->code, "%s: %s", request->export_path,
                                 fault->detail);
    if (fault->code != ERR_BAD_REQUEST || fault->native == 0)
        return failure_set_plain(failure, fault->code, "%s: %s", request->mes_path, fault->detail);
    return failure_set_plain(failure, fault->code, "%s, line %ld: %s", request->mes_path,
                             fault->native, fault->detail);
}

static enum error reconcile(struct reconcile_request *request,
                            struct reconciliation **ret_reconciliation, struct failure *failure)
{
    struct audit_progress progress;
    struct fault fault;
    request->on_progress = audit_progress_begin(&progress);
    request->progress_context = &progress;
    enum error e = audit_reconcile(request, ret_reconciliation, &fault);
    audit_progress_end(&progress);
    request->progress_context = NULL;
    return e == ERR_OK ? ERR_OK : fail(request, &fault, failure);
}

enum error command_reconcile(const struct arguments *arguments, struct failure *failure)
{
    struct reconcile_request request;
    struct reconciliation *reconciliation = NULL;
    enum error e = read_request(arguments, &request, failure);
    if (e == ERR_OK)
        e = reconcile(&request, &reconciliation, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        e = reconcile_print_json(reconciliation, request.export_path, failure);
    else if (arguments_has(arguments, OPTION_CSV))
        e = reconcile_print_csv(reconciliation, request.export_path, failure);
    else
        e = reconcile_print_page(reconciliation, request.export_path, failure);
    reconciliation_free(reconciliation);
    return e;
}
