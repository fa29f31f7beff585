/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What one run found: numbers under fixed names, and series of rows with columns. The parts of a
 * run are processes of their own, so a report is memory that they share; one part writes at a time.
 * Whatever was not measured is NAN here, "-" in the table and null in the JSON file.
 *
 *     struct report *report = report_new();
 *     fork ... report_set(report, REPORT_LICENSES_PER_S, 1200);
 *              report_add(report, REPORT_LOAD, "50 %", (const double[]){600, 598, 3.1, 9.0});
 *     report_print(report, stdout); report_write(report, path);
 *
 * Threads: one.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define REPORT_COLUMNS_MAX 10
#define REPORT_ROWS_MAX    32
#define REPORT_LABEL_MAX   40

/* The names in the file, their titles and what is wanted of them stand in report_keys.c. */
enum report_key {
    REPORT_CPU_RATIO_SINGLE,
    REPORT_CPU_RATIO_BATCH,
    REPORT_PEER_PROCESS_RATIO,
    REPORT_PEER_TANG_RATIO,
    REPORT_PEER_TANG_KEPT_RATIO,
    REPORT_PEER_TANG_RATE_RATIO,
    REPORT_MODEL_UTILISATION,
    REPORT_MODEL_P99_EXCESS_MS,
    REPORT_SCALE_RATIO_1E7,
    REPORT_START_1E7_S,
    REPORT_RSS_GROWTH_1E6,
    REPORT_LICENSES_PER_S,
    REPORT_LICENSES_PER_S_BATCH,
    REPORT_BARE_CHAIN_PER_S,
    REPORT_CPU_US_BARE,
    REPORT_CPU_US_SINGLE,
    REPORT_CPU_US_SINGLE_HSM, /* in the order of enum rig_program */
    REPORT_CPU_US_SINGLE_VAULT,
    REPORT_CPU_US_SINGLE_API,
    REPORT_CPU_US_BATCH,
    REPORT_CPU_US_BATCH_HSM,
    REPORT_CPU_US_BATCH_VAULT,
    REPORT_CPU_US_BATCH_API,
    REPORT_CPU_US_PROCESS,
    REPORT_CPU_US_TANG,
    REPORT_TANG_PER_S,
    REPORT_CPU_US_TANG_KEPT,
    REPORT_TANG_KEPT_PER_S,
    REPORT_KEYS
};

enum report_series {
    REPORT_LOAD,        /* an open loop: what was offered, what came back, how late */
    REPORT_MODEL,       /* an HSM behind a network */
    REPORT_DEVICES,     /* devices that the ledger has already */
    REPORT_STATIONS,    /* stations at once */
    REPORT_PRODUCTS,    /* products in turn */
    REPORT_MEMORY,      /* memory after so many licenses */
    REPORT_CONNECTIONS, /* many connections at once */
    REPORT_FLOOD,       /* quiet stations beside a flood */
    REPORT_SERIES
};

/* The machine, and what it did before the run. */
struct report_machine {
    char processor[128];
    char kernel[128];
    long processors;
    int64_t memory_bytes;
    double load; /* over the last minute */
    int64_t at_unix_s;
};

struct report;

/* Takes down the machine. NULL: no memory. Kept until the process ends. */
struct report *report_new(void);
const struct report_machine *report_machine(const struct report *report);

void report_set(struct report *report, enum report_key key, double value);
double report_get(const struct report *report, enum report_key key);
/* One more row, with as many values as the series has columns; what is too much is left out. */
void report_add(struct report *report, enum report_series series, const char *label,
                const double *values);
size_t report_rows(const struct report *report, enum report_series series);

/* The table: ratios first. */
void report_print(const struct report *report, FILE *out);
/* The JSON file; false: it cannot be written. */
bool report_write(const struct report *report, const char *path);

/* What somebody who waits wants to know; to standard error. */
void report_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
