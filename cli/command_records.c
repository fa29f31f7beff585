/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl license list and show, install list and show. Owns no state. */
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/reading.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- licenses ---- */

static const struct record_field LICENSE_LIST[] = {
    {"ISSUED", "issued_at", RECORD_TEXT, false, NULL},
    {"LICENSE", "license_id", RECORD_TEXT, false, NULL},
    {"PRODUCT", "product", RECORD_TEXT, false, NULL},
    {"SERIAL", "device_serial", RECORD_TEXT, true, NULL},
    {"STATION", "station", RECORD_TEXT, false, NULL},
    {"CHARGED", "charged", RECORD_YES, false, NULL},
    {"ATTEMPTS", "attempts", RECORD_NUMBER, false, NULL},
};

static const struct record_field LICENSE_PAGE[] = {
    {"License", "license_id", RECORD_TEXT, false, NULL},
    {"Install", "install_id", RECORD_TEXT, false, NULL},
    {"Product", "product", RECORD_TEXT, false, NULL},
    {"Profile", "profile", RECORD_TEXT, false, NULL},
    {"Image", "image", RECORD_TEXT, false, NULL},
    {"Device key", "device_key", RECORD_TEXT, false, NULL},
    {"Serial", "device_serial", RECORD_TEXT, true, NULL},
    {"Station", "station", RECORD_TEXT, false, NULL},
    {"Charged", "charged", RECORD_YES, false, NULL},
    {"SHA-256", "license_sha256", RECORD_TEXT, false, NULL},
    {"Journal leaf", "journal_index", RECORD_NUMBER, false, NULL},
    {"Issued", "issued_at", RECORD_TEXT, false, NULL},
    {"Attempts", "attempts", RECORD_NUMBER, false, NULL},
    {"Last attempt", "last_attempt_at", RECORD_TEXT, false, NULL},
};

/* ---- installs ---- */

static const struct record_field INSTALL_LIST[] = {
    {"ISSUED", "issued_at", RECORD_TEXT, false, NULL},
    {"INSTALL", "install_id", RECORD_TEXT, false, NULL},
    {"PRODUCT", "product", RECORD_TEXT, false, NULL},
    {"SERIAL", "device_serial", RECORD_TEXT, true, NULL},
    {"STATION", "station", RECORD_TEXT, false, NULL},
    {"LOT", "context.lot", RECORD_TEXT, true, NULL},
    {"RESULT", "result", RECORD_TEXT, false, NULL},
    {"PROVEN", "proven", RECORD_YES, false, NULL},
    {"CODE", "code", RECORD_TEXT, true, NULL},
};

static const struct record_field INSTALL_PAGE[] = {
    {"Install", "install_id", RECORD_TEXT, false, NULL},
    {"License", "license_id", RECORD_TEXT, false, NULL},
    {"Result", "result", RECORD_TEXT, false, NULL},
    {"Proven", "proven", RECORD_YES, false, NULL},
    {"Code", "code", RECORD_TEXT, true, NULL},
    {"Detail", "detail", RECORD_TEXT, true, NULL},
    {"Reported by", "reporter", RECORD_TEXT, true, NULL},
    {"Reported", "reported_at", RECORD_TEXT, true, NULL},
    {"Product", "product", RECORD_TEXT, false, NULL},
    {"Profile", "profile", RECORD_TEXT, false, NULL},
    {"Image", "image", RECORD_TEXT, false, NULL},
    {"Device key", "device_key", RECORD_TEXT, false, NULL},
    {"Serial", "device_serial", RECORD_TEXT, true, NULL},
    {"Station", "station", RECORD_TEXT, false, NULL},
    {"Lot", "context.lot", RECORD_TEXT, true, NULL},
    {"Line", "context.line", RECORD_TEXT, true, NULL},
    {"Work order", "context.work_order", RECORD_TEXT, true, NULL},
    {"Operator", "context.operator", RECORD_TEXT, true, NULL},
    {"Socket", "context.socket", RECORD_TEXT, true, NULL},
    {"Charged", "charged", RECORD_YES, false, NULL},
    {"Journal leaf", "journal_index", RECORD_NUMBER, false, NULL},
    {"Issued", "issued_at", RECORD_TEXT, false, NULL},
    {"Attempts", "attempts", RECORD_NUMBER, false, NULL},
    {"Last attempt", "last_attempt_at", RECORD_TEXT, false, NULL},
};

enum error command_license_list(const struct arguments *arguments, struct failure *failure)
{
    const struct reading_list list = {"licenses", "licenses", LICENSE_LIST, COUNT(LICENSE_LIST),
                                      OPTIONS(QUERY_FILTER_OPTIONS)};
    struct query query;
    query_begin(&query, "/v1/licenses");
    return reading_print_list(arguments, &query, &list, failure);
}

enum error command_install_list(const struct arguments *arguments, struct failure *failure)
{
    const struct reading_list list = {"installs", "installs", INSTALL_LIST, COUNT(INSTALL_LIST),
                                      OPTIONS(QUERY_FILTER_OPTIONS, OPTION_RESULT)};
    struct query query;
    query_begin(&query, "/v1/installs");
    return reading_print_list(arguments, &query, &list, failure);
}

enum error command_license_show(const struct arguments *arguments, struct failure *failure)
{
    char id[ANSWER_ID_MAX + 1];
    char path[128];
    enum error e = answer_read_pair_id(arguments->operands[0], ANSWER_LICENSE_PREFIX, id, failure);
    if (e != ERR_OK)
        return e;
    (void)snprintf(path, sizeof path, "/v1/licenses/%s", id);
    return reading_print(arguments, path, LICENSE_PAGE, COUNT(LICENSE_PAGE), failure);
}

enum error command_install_show(const struct arguments *arguments, struct failure *failure)
{
    char id[ANSWER_ID_MAX + 1];
    char path[128];
    enum error e = answer_read_pair_id(arguments->operands[0], ANSWER_INSTALL_PREFIX, id, failure);
    if (e != ERR_OK)
        return e;
    (void)snprintf(path, sizeof path, "/v1/installs/%s", id);
    return reading_print(arguments, path, INSTALL_PAGE, COUNT(INSTALL_PAGE), failure);
}
