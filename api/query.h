/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Strict queries: what stands behind the "?" of a URL, into one fixed struct.
 *
 * An operation says which members it takes; any other, one twice, or a malformed value is
 * ERR_BAD_REQUEST with the path "?name". Every start step (api/handler.h) reads its query first,
 * also the one that takes none. Threads: the request's event loop.
 */
#ifndef API_QUERY_H
#define API_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api_limits.h"
#include "api/body.h"
#include "api/cursor.h"
#include "core/bytes.h"
#include "core/error.h"

struct request;

/* The members that there are; an operation takes some of them. */
enum query_member {
    QUERY_PRODUCT = 1 << 0,
    QUERY_LOT = 1 << 1,
    QUERY_STATION = 1 << 2,
    QUERY_DEVICE = 1 << 3,
    QUERY_RESULT = 1 << 4,
    QUERY_SINCE = 1 << 5,
    QUERY_UNTIL = 1 << 6,
    QUERY_LIMIT = 1 << 7,
    QUERY_CURSOR = 1 << 8,
};
#define QUERY_PAGE  (QUERY_LIMIT | QUERY_CURSOR)
#define QUERY_TIMES (QUERY_SINCE | QUERY_UNTIL)

struct query {
    char product[API_NAME_SIZE]; /* "" when absent, as the texts below */
    char lot[API_NAME_SIZE];
    char station[API_NAME_SIZE];
    bool has_device;
    struct sha256 device;
    int result;            /* Provisiond__InstallResult; INSTALL_ANY when absent */
    int64_t since_unix_ms; /* 0 when absent */
    int64_t until_unix_ms; /* 0 when absent, and only then */
    unsigned limit;        /* 1 to API_PAGE_MAX; API_PAGE_DEFAULT when absent */
    char cursor[CURSOR_SIZE];
};

/* The names of install results, by Provisiond__InstallResult; INSTALL_ANY has none. */
#define INSTALL_RESULTS 5
extern const char *const INSTALL_RESULT_NAMES[INSTALL_RESULTS];

/* members is a sum of enum query_member. Fills the request's fault and path on failure. */
enum error query_read(struct request *request, unsigned members, struct query *ret_query) MUST_USE;
/* For an operation that takes no query. */
enum error query_refuse_any(struct request *request) MUST_USE;
/* ERR_BAD_REQUEST: the cursor is none of this list, which query_read cannot see. */
enum error query_refuse_cursor(struct request *request);

/*
 * Decodes percent escapes as far as there is room and ends out with NUL; *ret_length counts all
 * bytes, also those that had no room. False for a malformed escape.
 */
bool query_unescape(const char *value, char *out, size_t size, size_t *ret_length);

#endif
