/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An exported journal against the list of what was shipped (docs/reconcile.md): sums per product,
 * lot and day, and what looks wrong. It believes the export: verify.h decides whether one may.
 *
 *     e = audit_reconcile(&request, &reconciliation, &fault);
 *     for (i < reconciliation_row_count(...)) reconciliation_row(reconciliation, i, &row);
 *     reconciliation_free(reconciliation);
 *
 * Texts are UTF-8 as stations and MES gave them. Threads: one; immutable after it was made.
 */
#ifndef AUDIT_RECONCILE_H
#define AUDIT_RECONCILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define RECONCILE_TEXT_SIZE   257 /* a name, serial or lot, with NUL */
#define RECONCILE_DETAIL_SIZE 640
#define RECONCILE_DAY_MINUTES 1440
#define RECONCILE_HOURS_MAX   87600 /* ten years */
#define RECONCILE_PERCENT_MAX 100000

struct reconcile_request {
    const char *export_path;
    const char *mes_path;
    int64_t unreported_hours; /* flagged when unreported for longer, 0 to RECONCILE_HOURS_MAX */
    int64_t reissue_percent;  /* flagged when there are more repeats for a hundred licenses */
    bool has_shift;
    int64_t shift_begin; /* minute of the day, UTC */
    int64_t shift_end;   /* the same or before shift_begin: on the next day */
    unsigned threads;    /* 0: one for each core */
    void (*on_progress)(void *context, uint64_t done, uint64_t all); /* may be NULL */
    void *progress_context;
};

struct reconcile_row {
    char product[RECONCILE_TEXT_SIZE];
    char lot[RECONCILE_TEXT_SIZE]; /* "" when none was given */
    int64_t day;                   /* days since 1970, UTC */
    int64_t granted;  /* units granted under this lot on this day, less those revoked */
    int64_t licensed; /* first licenses for an image, of this day */
    int64_t charged;  /* units whose first license is of this day, and how they ended: */
    int64_t succeeded;
    int64_t failed;
    int64_t scrapped;
    int64_t unreported;
    int64_t reissued;   /* repeats of the licenses of this day */
    int64_t shipped;    /* devices: where they were charged, or where the MES has them */
    int64_t difference; /* devices that succeeded, less those shipped */
};

enum reconcile_kind {
    RECONCILE_UNREPORTED,     /* licensed for longer than allowed, and no word since */
    RECONCILE_TWO_STATIONS,   /* one device asked at two stations */
    RECONCILE_OUTSIDE_SHIFT,  /* licensed outside the shift */
    RECONCILE_REISSUE_RATE,   /* too many repeats in a row of the table */
    RECONCILE_NEVER_LICENSED, /* shipped, and no license */
    RECONCILE_NOT_SUCCEEDED,  /* shipped, and its install did not succeed */
    RECONCILE_SHIPPED_TWICE,
    RECONCILE_NOT_SHIPPED, /* licensed and succeeded, and not shipped */
    RECONCILE_KINDS
};

struct reconcile_flag {
    enum reconcile_kind kind;
    char product[RECONCILE_TEXT_SIZE];
    char lot[RECONCILE_TEXT_SIZE];
    int64_t day;
    char serial[RECONCILE_TEXT_SIZE]; /* "" when it has none, or the flag is of a row */
    bool has_device;
    struct sha256 device;
    char detail[RECONCILE_DETAIL_SIZE]; /* a sentence */
};

struct reconciliation;

/*
 * Compares. Errors of export_open; of the MES's file as in docs/reconcile.md, fault.native being
 * the line; ERR_INTERNAL ("memory"); ERR_BAD_REQUEST ("reconcile-limits") for a number out of its
 * limits.
 */
enum error audit_reconcile(const struct reconcile_request *request,
                           struct reconciliation **ret_reconciliation,
                           struct fault *fault) MUST_USE;
/* NULL is allowed. */
void reconciliation_free(struct reconciliation *reconciliation);

/* Sorted by product, lot and day. */
size_t reconciliation_row_count(const struct reconciliation *reconciliation);
void reconciliation_row(const struct reconciliation *reconciliation, size_t i,
                        struct reconcile_row *ret_row);
/* Sorted by kind. */
size_t reconciliation_flag_count(const struct reconciliation *reconciliation);
void reconciliation_flag(const struct reconciliation *reconciliation, size_t i,
                         struct reconcile_flag *ret_flag);
/* Until when the ages of unreported installs count: when the export was made. */
int64_t reconciliation_made_unix_ms(const struct reconciliation *reconciliation);

/* "unreported", "two-stations", ... */
const char *reconcile_kind_name(enum reconcile_kind kind);

#endif
