/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A path of the API with its query, from the options of a command.
 *
 * Order of calls: query_begin, query_add and query_add_options in any order, then the path is used.
 * A path that grew too long is noted and refused by query_finish. Threads: a value.
 */
#ifndef CLI_QUERY_H
#define CLI_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/arguments.h"

#define QUERY_PATH_MAX 1536

/* What a list may be narrowed to. */
#define QUERY_FILTER_OPTIONS \
    OPTION_PRODUCT, OPTION_OF_LOT, OPTION_OF_STATION, OPTION_DEVICE, QUERY_TIME_OPTIONS
#define QUERY_TIME_OPTIONS OPTION_FROM_TIME, OPTION_UNTIL_TIME

struct query {
    char path[QUERY_PATH_MAX];
    size_t length;
    bool has_members;
    bool is_too_long;
};

/* path is of the API and needs no escaping. */
void query_begin(struct query *query, const char *path);
/* Adds "name=value", the value escaped. */
void query_add(struct query *query, const char *name, const char *value);
void query_add_number(struct query *query, const char *name, int64_t value);
/*
 * Adds those of the filters that were given, or have a value in the environment. Times may be
 * 2026-11-27, 2026-11-27T10:00:00Z, or 8h for that long ago. A usage failure for what is none, and
 * for a device that is no digest.
 */
enum error query_add_options(struct query *query, const struct arguments *arguments,
                             const enum option_id *filters, struct failure *failure) MUST_USE;
/* A usage failure when the path did not fit. */
enum error query_finish(const struct query *query, struct failure *failure) MUST_USE;

/* A time as query_add_options reads it, in Unix milliseconds; false for what is none. */
bool query_parse_time(const char *text, int64_t now_ms, int64_t *ret_ms);

#endif
