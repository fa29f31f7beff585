/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What provisiond tells: one object, or a list page by page.
 *
 * A list ends with --limit (100), or with --all when there is no more. It is printed page by page,
 * so that its length costs no memory. Threads: main thread.
 */
#ifndef CLI_READING_H
#define CLI_READING_H

#include <jansson.h>

#include "cli/arguments.h"
#include "cli/query.h"
#include "cli/record.h"
#include "cli/station.h"

#define READING_LIST_MAX     1000000000 /* no journal has more */
#define READING_LIMIT        100
#define READING_CURSOR_MAX   128
#define READING_OPTIONS      STATION_OPTIONS, READING_PAGE_OPTIONS
#define READING_PAGE_OPTIONS OPTION_LIMIT, OPTION_ALL, OPTION_CURSOR

/* A list of the API. */
struct reading_list {
    const char *member; /* of the answer, that holds the array */
    const char *things; /* for the note that there are none */
    const struct record_field *fields;
    size_t count;
    const enum option_id *filters; /* options of the query */
};

/* GETs one object; the caller decrefs *ret_object. */
enum error reading_get(const struct arguments *arguments, const char *path, json_t **ret_object,
                       struct failure *failure) MUST_USE;

/* As reading_get, with a client that is there already. */
enum error reading_ask(struct rest *rest, const char *path, json_t **ret_object,
                       struct failure *failure) MUST_USE;
/* ERR_INTERNAL: the answer cannot be understood; names what is wrong in it. */
enum error reading_fail(struct failure *failure, const char *wrong);

/*
 * GETs a list, and prints it as a table, or with --json as {member: [...], "next_cursor": ...}.
 * When a page cannot be had, the object ends with "error" and the cursor that goes on. The query is
 * added to.
 */
enum error reading_print_list(const struct arguments *arguments, struct query *query,
                              const struct reading_list *list, struct failure *failure) MUST_USE;

/*
 * Whether provisiond is asked, as station_is_asked says. A usage failure when the vault is and an
 * option belongs to the other, such as --limit: the vault tells everything at once.
 */
enum error reading_is_asked(const struct arguments *arguments, bool *ret_is_rest,
                            struct failure *failure) MUST_USE;

/* GETs and prints a list that provisiond tells as a whole, with the given filters. */
enum error reading_print_whole(const struct arguments *arguments, const char *path,
                               const enum option_id *filters, const struct reading_list *list,
                               struct failure *failure) MUST_USE;

/* Prints a list that was read and checked elsewhere in the same form. */
enum error reading_show_list(const struct arguments *arguments, json_t *items,
                             const struct reading_list *list, struct failure *failure) MUST_USE;

/* GETs one object, checks and prints it. */
enum error reading_print(const struct arguments *arguments, const char *path,
                         const struct record_field *fields, size_t count,
                         struct failure *failure) MUST_USE;

#endif
