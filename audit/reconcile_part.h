/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the files of the reconciliation share. Private to audit/reconcile*.c. Threads: one.
 */
#ifndef AUDIT_RECONCILE_PART_H
#define AUDIT_RECONCILE_PART_H

#include "audit/reconcile.h"
#include "audit/replay.h"
#include "audit/shipped.h"

#define DAY_MS    INT64_C(86400000)
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   INT64_C(3600000)

/* A row of the table. Texts are raw, and borrowed from the export or from the MES's list. */
struct row {
    struct bytes product;
    struct bytes lot;
    int64_t day;
    struct reconcile_row sums; /* its numbers alone */
    int64_t ready;             /* devices that succeeded */
};

/* One flag, by the numbers of what it is about; those that do not apply are POOL_NONE. */
struct flag {
    enum reconcile_kind kind;
    uint32_t row;
    uint32_t device;
    uint32_t install;
    uint32_t shipped;
};

struct flag_list {
    struct flag *flags;
    size_t count;
};

struct reconciliation {
    struct reconcile_request request;
    struct export_file *file;
    struct shipped shipped;
    struct replay replay;
    struct audit_report report; /* of the replay; its findings are nobody's here */
    struct pool rows;
    struct index row_keys;
    uint32_t *order;        /* rows as they are told */
    uint32_t *install_rows; /* of each install */
    uint32_t *counts;       /* how often each device was shipped */
    struct flag_list lists[RECONCILE_KINDS];
    int64_t made_unix_ms;
};

struct row *reconcile_row_at(const struct reconciliation *reconciliation, uint32_t number);
/* The row of a key, new when there is none. */
enum error reconcile_find_row(struct reconciliation *reconciliation, struct bytes product,
                              struct bytes lot, int64_t day, uint32_t *ret_row,
                              struct fault *fault) MUST_USE;
/* The row of the device's unit; POOL_NONE when it was never licensed. */
uint32_t reconcile_row_of_device(const struct reconciliation *reconciliation, uint32_t device);
/* Rows in the order of their keys. */
enum error reconcile_sort_rows(struct reconciliation *reconciliation, struct fault *fault) MUST_USE;

/* The leaf of an install's first license, read again. */
void reconcile_read_leaf(const struct reconciliation *reconciliation, uint32_t install,
                         struct leaf *ret_leaf);

enum error reconcile_add_flag(struct reconciliation *reconciliation, const struct flag *flag,
                              struct fault *fault) MUST_USE;

/* Installs, units and devices into rows, with their flags; then what was shipped. */
enum error reconcile_installs(struct reconciliation *reconciliation, struct fault *fault) MUST_USE;
enum error reconcile_devices(struct reconciliation *reconciliation, struct fault *fault) MUST_USE;
enum error reconcile_shipped(struct reconciliation *reconciliation, struct fault *fault) MUST_USE;
enum error reconcile_rates(struct reconciliation *reconciliation, struct fault *fault) MUST_USE;

#endif
