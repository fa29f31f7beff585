/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reconciliation on standard output: as a page, as one JSON object, or as CSV (RFC 4180).
 * All say first that the export was believed and not verified. Threads: main thread.
 */
#ifndef CLI_RECONCILE_OUTPUT_H
#define CLI_RECONCILE_OUTPUT_H

#include <stddef.h>

#include "audit/reconcile.h"
#include "cli/failure.h"

#define RECONCILE_NUMBERS 10

/* The numbers of a row, in the order of the columns. */
struct reconcile_number {
    const char *name;  /* of the JSON member and the CSV column */
    const char *title; /* of the table's column */
    size_t offset;     /* in struct reconcile_row */
};
extern const struct reconcile_number RECONCILE_NUMBER_TABLE[RECONCILE_NUMBERS];
int64_t reconcile_number_get(const struct reconcile_row *row, size_t i);

#define RECONCILE_DAY_SIZE 11 /* "2026-11-27" and NUL */
void reconcile_day_format(int64_t day, char out[RECONCILE_DAY_SIZE]);

enum error reconcile_print_page(const struct reconciliation *reconciliation, const char *path,
                                struct failure *failure) MUST_USE;
enum error reconcile_print_json(const struct reconciliation *reconciliation, const char *path,
                                struct failure *failure) MUST_USE;
/*
 * Lines end with CR LF. A text that a spreadsheet would take for a formula (it begins with = + - @,
 * a tab or a carriage return) gets an apostrophe before it.
 */
enum error reconcile_print_csv(const struct reconciliation *reconciliation, const char *path,
                               struct failure *failure) MUST_USE;

#endif
