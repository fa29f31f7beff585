/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tables for people: a heading line, aligned columns, numbers to the right, "-" for an empty cell.
 *
 * Rows are added as texts; control characters in them are escaped. A table that ran out of memory
 * says so once, when it is printed. Threads: owned by one thread.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/error.h"

struct table;

struct table_column {
    const char *title;
    bool is_number;
};

#define TABLE_AUTO __attribute__((cleanup(table_free))) struct table *

/* columns is borrowed for the call. Never NULL-checked by callers: NULL is a broken table. */
struct table *table_new(const struct table_column *columns, size_t count);
/* A table of two columns without a heading: names on the left, values on the right. */
struct table *table_new_pairs(bool is_number);
/* One cell per column; the texts are copied. */
void table_add_row(struct table *table, const char *const *cells);
/* As table_print, and begins anew behind it: no heading any more, columns as wide at least. */
enum error table_flush(struct table *table, FILE *out) MUST_USE;
/* Prints nothing but the heading for an empty table. ERR_INTERNAL when memory ran out. */
enum error table_print(struct table *table, FILE *out) MUST_USE;
/* For TABLE_AUTO: frees *table, which may be NULL. */
void table_free(struct table **table);

#endif
