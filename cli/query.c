/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Queries of lists. Owns no state. */
#include "cli/query.h"

#include <stdio.h>
#include <string.h>

#include "cli/text.h"
#include "core/bytes.h"
#include "core/clock.h"

#define AGO_MAX_MINUTES (366u * 24 * 60)
#define MS_PER_MINUTE   60000
#define DAY_LENGTH      10 /* "2026-11-27" */

/* ---- the path ---- */

static void append(struct query *query, const char *text)
{
    size_t length = strlen(text);
    query->is_too_long = query->is_too_long || query->length + length >= sizeof query->path;
    if (query->is_too_long)
        return;
    memcpy(query->path + query->length, text, length + 1);
    query->length += length;
}

void query_begin(struct query *query, const char *path)
{
    *query = (struct query){.length = 0};
    append(query, path);
}

/* RFC 3986 §2.3: what needs no escaping anywhere. */
static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._~", c) != NULL;
}

void query_add(struct query *query, const char *name, const char *value)
{
    append(query, query->has_members ? "&" : "?");
    append(query, name);
    append(query, "=");
    for (const char *c = value; *c != '\0'; c++) {
        char escaped[4] = {*c, '\0'};
        if (!is_unreserved((unsigned char)*c))
            (void)snprintf(escaped, sizeof escaped, "%%%02X", (unsigned char)*c);
        append(query, escaped);
    }
    query->has_members = true;
}

void query_add_number(struct query *query, const char *name, int64_t value)
{
    char text[NUMBER_TEXT_SIZE];
    query_add(query, name, text_number(value, text));
}

enum error query_finish(const struct query *query, struct failure *failure)
{
    return query->is_too_long ? failure_set_usage(failure, "The options are too long together")
                              : ERR_OK;
}

/* ---- the options ---- */

bool query_parse_time(const char *text, int64_t now_ms, int64_t *ret_ms)
{
    char whole[TIMESTAMP_SIZE];
    uint32_t minutes = 0;
    if (timestamp_parse(text, ret_ms))
        return true;
    if (strlen(text) == DAY_LENGTH) {
        (void)snprintf(whole, sizeof whole, "%sT00:00:00Z", text);
        return timestamp_parse(whole, ret_ms);
    }
    if (!text_parse_minutes(text, AGO_MAX_MINUTES, &minutes))
        return false;
    *ret_ms = now_ms - (int64_t)minutes * MS_PER_MINUTE;
    return true;
}

/* *ret_time is untouched when the option was not given. */
static enum error read_time(const struct arguments *arguments, enum option_id option,
                            int64_t *ret_time, struct failure *failure)
{
    const char *value = arguments_get(arguments, option);
    if (value == NULL || query_parse_time(value, clock_unix_ms(), ret_time))
        return ERR_OK;
    return failure_set_usage(failure,
                             "--%s wants a time such as 2026-11-27, 2026-11-27T10:00:00Z, or 8h "
                             "for 8 hours ago",
                             arguments_name(option));
}

static void add_time(struct query *query, const struct arguments *arguments, enum option_id option,
                     int64_t time)
{
    char text[TIMESTAMP_SIZE];
    if (!arguments_has(arguments, option))
        return;
    timestamp_format(time, text);
    query_add(query, arguments_name(option), text);
}

static enum error add_times(struct query *query, const struct arguments *arguments,
                            struct failure *failure)
{
    int64_t since = INT64_MIN;
    int64_t until = INT64_MAX;
    enum error e = read_time(arguments, OPTION_FROM_TIME, &since, failure);
    if (e == ERR_OK)
        e = read_time(arguments, OPTION_UNTIL_TIME, &until, failure);
    if (e == ERR_OK && since >= until)
        e = failure_set_usage(failure, "--since is not before --until: nothing can lie between");
    if (e != ERR_OK)
        return e;
    add_time(query, arguments, OPTION_FROM_TIME, since);
    add_time(query, arguments, OPTION_UNTIL_TIME, until);
    return ERR_OK;
}

static enum error check_device(const char *device, struct failure *failure)
{
    struct sha256 digest;
    if (device == NULL || hex_decode(device, digest.bytes, SHA256_SIZE))
        return ERR_OK;
    return failure_set_usage(failure, "--device wants 64 hex digits, the SHA-256 of the device's "
                                      "SubjectPublicKeyInfo");
}

static enum error check_result(const char *result, struct failure *failure)
{
    static const char *const results[] = {"unreported", "succeeded", "failed", "scrapped"};
    bool is_known = result == NULL;
    for (size_t i = 0; i < sizeof results / sizeof results[0] && !is_known; i++)
        is_known = strcmp(result, results[i]) == 0;
    return is_known ? ERR_OK
                    : failure_set_usage(failure, "--result is unreported, succeeded, failed or "
                                                 "scrapped");
}

enum error query_add_options(struct query *query, const struct arguments *arguments,
                             const enum option_id *filters, struct failure *failure)
{
    static const enum option_id texts[] = {OPTION_PRODUCT, OPTION_OF_LOT, OPTION_OF_STATION,
                                           OPTION_DEVICE, OPTION_RESULT};
    enum error e = check_device(arguments_get(arguments, OPTION_DEVICE), failure);
    if (e == ERR_OK)
        e = check_result(arguments_get(arguments, OPTION_RESULT), failure);
    for (size_t i = 0; e == ERR_OK && i < sizeof texts / sizeof texts[0]; i++) {
        const char *value =
            options_have(filters, texts[i]) ? arguments_get(arguments, texts[i]) : NULL;
        if (value != NULL)
            query_add(query, arguments_name(texts[i]), value);
    }
    return e == ERR_OK ? add_times(query, arguments, failure) : e;
}
