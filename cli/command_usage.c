/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl usage: the account of a product, from the vault or from provisiond, or from the latter in
 * rows by lot, day or station. Owns no state.
 */
#include <stdio.h>
#include <string.h>

#include "cli/account.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/reading.h"

/* ---- in rows ---- */

#define ROW(title, member)                                            \
    {                                                                 \
        {title, member, RECORD_TEXT, false, NULL},                    \
            {"LICENSES", "licensed", RECORD_NUMBER, false, NULL},     \
            {"CHARGED", "charged", RECORD_NUMBER, false, NULL},       \
            {"ATTEMPTS", "attempts", RECORD_NUMBER, false, NULL},     \
            {"SUCCEEDED", "succeeded", RECORD_NUMBER, false, NULL},   \
            {"PROVEN", "proven", RECORD_NUMBER, false, NULL},         \
            {"FAILED", "failed", RECORD_NUMBER, false, NULL},         \
            {"SCRAPPED", "scrapped", RECORD_NUMBER, false, NULL},     \
            {"UNREPORTED", "unreported", RECORD_NUMBER, false, NULL}, \
    }
#define ROW_FIELDS 9

static const struct row_kind {
    const char *word;
    const char *path;
    struct record_field fields[ROW_FIELDS];
} ROW_KINDS[] = {{"lot", "lots", ROW("LOT", "lot")},
                 {"day", "days", ROW("DAY", "day")},
                 {"station", "stations", ROW("STATION", "station")}};

static enum error print_rows(const struct arguments *arguments, const char *by,
                             struct failure *failure)
{
    const struct row_kind *kind = NULL;
    struct query query;
    char path[128];
    for (size_t i = 0; i < sizeof ROW_KINDS / sizeof ROW_KINDS[0]; i++)
        kind = strcmp(ROW_KINDS[i].word, by) == 0 ? &ROW_KINDS[i] : kind;
    if (kind == NULL)
        return failure_set_usage(failure, "--by is lot, day or station");
    const struct reading_list list = {"rows", "licenses", kind->fields, ROW_FIELDS,
                                      OPTIONS(QUERY_TIME_OPTIONS)};
    (void)snprintf(path, sizeof path, "/v1/products/%s/usage/%s", arguments->operands[0],
                   kind->path);
    query_begin(&query, path);
    return reading_print_list(arguments, &query, &list, failure);
}

/* Rows are told by provisiond alone, and so are times. */
static enum error check_rows(const struct arguments *arguments, bool is_rest,
                             struct failure *failure)
{
    const bool has_by = arguments_has(arguments, OPTION_BY);
    const bool has_times =
        arguments_has(arguments, OPTION_FROM_TIME) || arguments_has(arguments, OPTION_UNTIL_TIME);
    if (has_by && !is_rest)
        return failure_set_usage(failure, "--by is told by provisiond: give --url");
    return has_times && !has_by
               ? failure_set_usage(failure, "--since and --until want --by lot, day or station")
               : ERR_OK;
}

enum error command_usage(const struct arguments *arguments, struct failure *failure)
{
    struct answer_usage usage;
    const char *product = arguments->operands[0];
    bool is_rest = false;
    enum error e = station_is_asked(arguments, &is_rest, failure);
    if (e == ERR_OK)
        e = check_rows(arguments, is_rest, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_BY))
        return print_rows(arguments, arguments_get(arguments, OPTION_BY), failure);
    e = is_rest ? account_ask_server(arguments, product, &usage, failure)
                : account_ask_vault(arguments, product, &usage, failure);
    if (e != ERR_OK)
        return e;
    if (!arguments_has(arguments, OPTION_JSON))
        return account_print(product, &usage, failure);
    e = account_check(&usage, failure);
    return e == ERR_OK ? output_json(account_to_json(&usage), failure) : e;
}
