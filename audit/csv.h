/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading of CSV as RFC 4180 has it: fields between commas, quoted ones between double quotes with
 * "" for one of them, records that end with CR LF or LF. A byte order mark before it is skipped,
 * and so are lines without anything.
 *
 * Fields are taken out of their quotes in place, so that nothing is copied. A fault's native number
 * is the line where its record begins, from 1. Private to audit/. Threads: one.
 */
#ifndef AUDIT_CSV_H
#define AUDIT_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

#define CSV_FIELDS_MAX 256

struct csv {
    uint8_t *at;
    uint8_t *end;
    long line;
};

struct csv_record {
    struct bytes fields[CSV_FIELDS_MAX]; /* borrowed from the text */
    size_t count;
    long line; /* where it begins */
};

/* text is changed by reading; borrowed. */
void csv_init(struct csv *csv, uint8_t *text, size_t length);
/*
 * The next record; *ret_has_record is false at the end. ERR_BAD_REQUEST: "csv-quote", "csv-fields"
 * (too many).
 */
enum error csv_next(struct csv *csv, struct csv_record *record, bool *ret_has_record,
                    struct fault *fault) MUST_USE;

#endif
