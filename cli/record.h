/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON objects of the API as tables and pages: what members they must have, and how they are shown.
 *
 * A member may be within another one: "context.lot". Members that this version does not know are
 * allowed (a newer server); a known one that is missing or of another type makes the answer
 * invalid. Threads: pure functions.
 */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include <jansson.h>

#include "cli/failure.h"
#include "cli/table.h"

#define RECORD_CELL_MAX 512

enum record_kind {
    RECORD_TEXT,
    RECORD_NUMBER,  /* a whole number, not below zero */
    RECORD_COUNT,   /* likewise; 0 is shown as nothing */
    RECORD_YES,     /* a boolean: yes or no */
    RECORD_ENABLED, /* a boolean: enabled or disabled, or latest when that member is true */
};

struct record_field {
    const char *title; /* NULL: it must be there, and is not shown */
    const char *member;
    enum record_kind kind;
    bool is_optional;
    /* Shows another thing than the member itself; NULL: the member. Returns out or a constant. */
    const char *(*show)(const json_t *object, char out[RECORD_CELL_MAX]);
};

/* A member of object by its path, NULL when it is not there; as a text, "" then. */
const json_t *record_member(const json_t *object, const char *path);
const char *record_text(const json_t *object, const char *path);
/* 0 when it is not there. */
int64_t record_number(const json_t *object, const char *path);

/* ERR_INTERNAL, with its name, for the first member that is not what it must be. */
enum error record_check(const json_t *object, const struct record_field *fields, size_t count,
                        struct failure *failure) MUST_USE;
/* The same for each object of an array. */
enum error record_check_list(const json_t *array, const struct record_field *fields, size_t count,
                             struct failure *failure) MUST_USE;

/* Checked objects as a table. */
enum error record_print_list(const json_t *array, const struct record_field *fields, size_t count,
                             struct failure *failure) MUST_USE;
/*
 * The same in pieces: a table, and the next objects in it, printed at once. Their columns are as
 * wide as those before at least. NULL is a broken table; free with table_free.
 */
struct table *record_table_new(const struct record_field *fields, size_t count);
enum error record_print_rows(struct table *table, const json_t *array,
                             const struct record_field *fields, size_t count,
                             struct failure *failure) MUST_USE;
/* A checked object as a page: titles on the left. What is not there or empty is left out. */
enum error record_print(const json_t *object, const struct record_field *fields, size_t count,
                        struct failure *failure) MUST_USE;

#endif
