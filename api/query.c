/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading queries. libmicrohttpd splits them and leaves the escapes; "+" has become a space. */
#include "api/query.h"

#include <stdio.h>
#include <string.h>

#include <microhttpd.h>

#include "api/json_reader.h"
#include "api/request.h"
#include "api/route.h"
#include "core/clock.h"
#include "vault.pb-c.h"

#define VALUE_SIZE 128 /* the longest value that anything takes is a cursor's */
#define LIMIT_BASE 10

const char *const INSTALL_RESULT_NAMES[INSTALL_RESULTS] = {
    [PROVISIOND__INSTALL_RESULT__INSTALL_ANY] = NULL,
    [PROVISIOND__INSTALL_RESULT__INSTALL_UNREPORTED] = "unreported",
    [PROVISIOND__INSTALL_RESULT__INSTALL_SUCCEEDED] = "succeeded",
    [PROVISIOND__INSTALL_RESULT__INSTALL_FAILED] = "failed",
    [PROVISIOND__INSTALL_RESULT__INSTALL_SCRAPPED] = "scrapped"};

bool query_unescape(const char *value, char *out, size_t size, size_t *ret_length)
{
    size_t length = 0;
    while (*value != '\0') {
        int c = route_next_byte(&value);
        if (c < 0)
            return false;
        if (length < size - 1)
            out[length] = (char)c;
        length++;
    }
    out[length < size - 1 ? length : size - 1] = '\0';
    *ret_length = length;
    return true;
}

/* ---- values: each reader gets a text without control characters, of valid UTF-8 ---- */

static bool read_name(const char *text, void *out)
{
    if (!name_is_valid(text, API_NAME_MAX_BYTES))
        return false;
    strcpy(out, text);
    return true;
}

static bool read_line(const char *text, void *out)
{
    if (*text == '\0' || strlen(text) > API_NAME_MAX_BYTES)
        return false;
    strcpy(out, text);
    return true;
}

static bool read_device(const char *text, void *out)
{
    struct query *query = out;
    query->has_device = hex_decode(text, query->device.bytes, SHA256_SIZE);
    return query->has_device;
}

static bool read_result(const char *text, void *out)
{
    for (int i = 1; i < INSTALL_RESULTS; i++) {
        if (strcmp(text, INSTALL_RESULT_NAMES[i]) != 0)
            continue;
        memcpy(out, &i, sizeof i);
        return true;
    }
    return false;
}

static bool read_time(const char *text, void *out)
{
    int64_t unix_ms = 0;
    if (!timestamp_parse(text, &unix_ms))
        return false;
    memcpy(out, &unix_ms, sizeof unix_ms);
    return true;
}

/* To the vault 0 means now; nothing was licensed in 1970. */
static bool read_end(const char *text, void *out)
{
    static const int64_t first = 1;
    int64_t unix_ms = 0;
    if (!read_time(text, &unix_ms))
        return false;
    memcpy(out, unix_ms > 0 ? &unix_ms : &first, sizeof unix_ms);
    return true;
}

static bool read_limit(const char *text, void *out)
{
    unsigned limit = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || (limit == 0 && *at == '0'))
            return false;
        limit = limit * LIMIT_BASE + (unsigned)(*at - '0');
        if (limit > API_PAGE_MAX)
            return false;
    }
    memcpy(out, &limit, sizeof limit);
    return limit > 0;
}

static bool read_cursor(const char *text, void *out)
{
    if (*text == '\0' || strlen(text) >= CURSOR_SIZE)
        return false;
    strcpy(out, text);
    return true;
}

/* ---- members ---- */

#define CURSOR_DETAIL "The cursor is not the next_cursor of an answer of this list."

static const struct member {
    const char *name;
    enum query_member member;
    bool (*read)(const char *text, void *out);
    size_t offset; /* of what out points at in struct query */
    const char *detail;
} MEMBERS[] = {
    {"product", QUERY_PRODUCT, read_name, offsetof(struct query, product),
     "The product is not a name: letters, digits, dot, dash and underscore, the first a letter or "
     "digit; at most " API_NUMBER_OF(API_NAME_MAX_BYTES) " bytes."},
    {"lot", QUERY_LOT, read_line, offsetof(struct query, lot),
     "The lot is not 1 to " API_NUMBER_OF(API_NAME_MAX_BYTES) " bytes."},
    {"station", QUERY_STATION, read_name, offsetof(struct query, station),
     "The station is not a name: letters, digits, dot, dash and underscore, the first a letter or "
     "digit; at most " API_NUMBER_OF(API_NAME_MAX_BYTES) " bytes."},
    {"device", QUERY_DEVICE, read_device, 0,
     "The device is not the SHA-256 of a key: 64 lower-case hex digits."},
    {"result", QUERY_RESULT, read_result, offsetof(struct query, result),
     "The result is not \"unreported\", \"succeeded\", \"failed\" or \"scrapped\"."},
    {"since", QUERY_SINCE, read_time, offsetof(struct query, since_unix_ms),
     "The time is not one of UTC as 2026-11-27T09:14:27Z, with or without milliseconds."},
    {"until", QUERY_UNTIL, read_end, offsetof(struct query, until_unix_ms),
     "The time is not one of UTC as 2026-11-27T09:14:27Z, with or without milliseconds."},
    {"limit", QUERY_LIMIT, read_limit, offsetof(struct query, limit),
     "The limit is not a number from 1 to " API_NUMBER_OF(API_PAGE_MAX) "."},
    {"cursor", QUERY_CURSOR, read_cursor, offsetof(struct query, cursor), CURSOR_DETAIL},
};
#define MEMBER_COUNT (sizeof MEMBERS / sizeof MEMBERS[0])

/* One reading under way. */
struct reading {
    struct request *request;
    struct query *query;
    unsigned members; /* that are taken */
    unsigned seen;
};

static enum error refuse(struct request *request, const char *name, const char *reason,
                         const char *detail)
{
    (void)snprintf(request->path.text, sizeof request->path.text, "?%s",
                   name_is_valid(name, API_NAME_MAX_BYTES) ? name : "");
    return fault_set(&request->fault, ERR_BAD_REQUEST, reason, detail, 0);
}

static const struct member *find_member(const char *key, unsigned members)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if ((members & MEMBERS[i].member) != 0 && strcmp(MEMBERS[i].name, key) == 0)
            return &MEMBERS[i];
    }
    return NULL;
}

static enum error read_value(struct reading *reading, const struct member *member,
                             const char *value)
{
    char text[VALUE_SIZE] = "";
    size_t length = 0;
    if (value != NULL && !query_unescape(value, text, sizeof text, &length))
        return refuse(reading->request, member->name, "malformed-escape",
                      "The query holds a percent sign that begins no escape.");
    if (length >= sizeof text || text_has_control(bytes_of(text, length)) ||
        !text_is_utf8(bytes_of(text, length)) ||
        !member->read(text, (char *)reading->query + member->offset))
        return refuse(reading->request, member->name, "query-value", member->detail);
    return ERR_OK;
}

static enum error read_member(struct reading *reading, const char *key, const char *value)
{
    char name[API_NAME_SIZE];
    size_t length = 0;
    bool is_name = query_unescape(key, name, sizeof name, &length) && length < sizeof name;
    const struct member *member = is_name ? find_member(name, reading->members) : NULL;
    if (member == NULL)
        return refuse(reading->request, is_name ? name : "", "unknown-member",
                      "The query has a member that this operation does not take.");
    if ((reading->seen & member->member) != 0)
        return refuse(reading->request, name, "duplicate-member",
                      "The query names a member twice.");
    reading->seen |= member->member;
    return read_value(reading, member, value);
}

static enum MHD_Result note_member(void *context, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    struct reading *reading = context;
    (void)kind;
    return read_member(reading, key, value) == ERR_OK ? MHD_YES : MHD_NO;
}

/* Nothing can lie in it: whoever asks has mixed them up. */
static enum error check_period(struct request *request, const struct query *query)
{
    if (query->until_unix_ms == 0 || query->since_unix_ms <= query->until_unix_ms)
        return ERR_OK;
    return refuse(request, "until", "query-period",
                  "The time until which is before the time since which.");
}

enum error query_read(struct request *request, unsigned members, struct query *ret_query)
{
    struct query query = {.limit = API_PAGE_DEFAULT};
    struct reading reading = {.request = request, .query = &query, .members = members};
    (void)MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, note_member,
                                    &reading);
    if (request->fault.code == ERR_OK)
        (void)check_period(request, &query);
    if (request->fault.code == ERR_OK && (members & QUERY_LIMIT) != 0 &&
        request_meter_as(request, 1 + query.limit / API_ROWS_PER_REQUEST) != ERR_OK)
        return request->fault.code;
    if (request->fault.code == ERR_OK)
        *ret_query = query;
    return request->fault.code;
}

enum error query_refuse_cursor(struct request *request)
{
    return refuse(request, "cursor", "query-value", CURSOR_DETAIL);
}

enum error query_refuse_any(struct request *request)
{
    struct query query;
    return query_read(request, 0, &query);
}
