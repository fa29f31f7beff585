/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What an MES says was shipped: its CSV (docs/reconcile.md) as a list. Texts are raw, as leaves
 * have them (canonical.h), so that the two compare as bytes. Private to audit/. Threads: one.
 */
#ifndef AUDIT_SHIPPED_H
#define AUDIT_SHIPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

#define SHIPPED_FILE_MAX ((size_t)512 * 1024 * 1024) /* bytes of CSV */

struct shipped_device {
    struct bytes product;
    struct bytes serial; /* empty: none, the key is given */
    struct bytes lot;    /* empty: none */
    struct sha256 key;
    bool has_key;
    int64_t day; /* days since 1970, UTC */
    long line;   /* of the file, from 1 */
};

struct shipped {
    uint8_t *text; /* the file */
    struct shipped_device *devices;
    size_t count;
    char **texts; /* those that stand there otherwise than in leaves */
    size_t text_count;
};

/*
 * Reads the file. ERR_CONFIG ("mes-file", errno), ERR_TOO_LARGE; ERR_BAD_REQUEST, fault.native
 * being the line: "csv-quote", "csv-fields", "mes-header" (a column is missing or there twice),
 * "mes-columns" (a record has not as many as the header), "mes-product", "mes-device", "mes-text"
 * (no UTF-8, or more than 64 bytes), "mes-shipped". Clear with shipped_clear, also after a failure.
 */
enum error shipped_read(const char *path, struct shipped *ret_shipped,
                        struct fault *fault) MUST_USE;
void shipped_clear(struct shipped *shipped);

#endif
