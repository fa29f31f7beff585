/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* How a report's numbers and series are called, and what is wanted of them. Immutable. */
#ifndef BENCH_REPORT_KEYS_H
#define BENCH_REPORT_KEYS_H

#include "report.h"

enum report_want { REPORT_NO_WANT, REPORT_AT_LEAST, REPORT_AT_MOST, REPORT_WITHIN };

struct report_key_name {
    const char *name;      /* in the file */
    const char *title;     /* in the table; NULL: only in the file */
    int decimals;          /* in the table */
    enum report_want want; /* REPORT_WITHIN: from -bound to +bound */
    double bound;
};

struct report_column {
    const char *name;
    const char *title;
    int decimals;
};

struct report_series_name {
    const char *name;
    const char *title;
    const char *label; /* what the rows differ in: the name in the file */
    struct report_column columns[REPORT_COLUMNS_MAX];
};

const struct report_key_name *report_key_name(enum report_key key);
const struct report_series_name *report_series_name(enum report_series series);
size_t report_columns(enum report_series series);

#endif
