/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Batches of the largest size: one transaction and one sync each. */
#include "fill.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <sqlite3.h>

#include "core/clock.h"
#include "ledger/ledger.h"
#include "report.h"

#define NUMBER_SIZE 32
#define POINT_BYTES 65 /* of a P-256 key */
#define POINT_FORM  4  /* uncompressed */
#define STAMP_AT    16 /* from a license's end: in its wrapped key */
#define TELL_EVERY  1000000

struct filling {
    struct ledger *ledger;
    struct fault fault;
    struct ledger_issue form; /* all but the device and the license's number */
    int64_t first;            /* device to be made */
    int64_t count;
    uint8_t license[LEDGER_LICENSE_MAX];
    size_t license_length;
};

/* ---- what a device looks like ---- */

static bool take_station(void *context, const struct ledger_principal *principal)
{
    struct filling *filling = context;
    if (principal->role != LEDGER_STATION)
        return true;
    filling->form.principal_id = principal->id;
    return false;
}

static void read_license(const struct rig *rig, struct filling *filling)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    ck_assert_int_eq(sqlite3_open_v2(rig->ledger, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_prepare_v2(db, "SELECT license FROM install ORDER BY id LIMIT 1", -1, &row, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
    filling->license_length = (size_t)sqlite3_column_bytes(row, 0);
    ck_assert_uint_le(filling->license_length, sizeof filling->license);
    memcpy(filling->license, sqlite3_column_blob(row, 0), filling->license_length);
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
}

static void open_filling(const struct rig *rig, struct filling *filling)
{
    struct ledger_product product;
    struct ledger_image image;
    struct fault *fault = &filling->fault;
    read_license(rig, filling);
    ck_assert_msg(ledger_open(rig->ledger, &filling->ledger, fault) == ERR_OK, "%s", fault->reason);
    ledger_set_anchored(filling->ledger, LEDGER_NO_ANCHOR, 0);
    ck_assert_int_eq(ledger_product_get(filling->ledger, rig->product, &product, fault), ERR_OK);
    ck_assert_int_eq(ledger_image_get(filling->ledger, product.id, NULL, &image, fault), ERR_OK);
    ck_assert_int_eq(ledger_principals_each(filling->ledger, take_station, filling, fault), ERR_OK);
    filling->form.product_id = product.id;
    filling->form.image_id = image.id;
}

/* Keys lie as far apart as digests do, but come in their order: the index is then written from one
 * end to the other, instead of at a page of its own for each. */
static void put_place(const struct filling *filling, int64_t number, struct sha256 *spki)
{
    uint64_t place = (uint64_t)(number - filling->first) * (UINT64_MAX / (uint64_t)filling->count);
    for (size_t i = 0; i < sizeof place; i++)
        spki->bytes[i] = (uint8_t)(place >> (8 * (sizeof place - 1 - i)));
}

static struct ledger_device device_of(const struct filling *filling, int64_t number)
{
    struct ledger_device device = {.point_length = POINT_BYTES, .can_sign = true};
    char text[NUMBER_SIZE];
    int length = snprintf(text, sizeof text, "filled-%lld", (long long)number);
    device.spki = sha256_of(bytes_of(text, (size_t)length));
    put_place(filling, number, &device.spki);
    memcpy(device.serial, text, (size_t)length + 1);
    device.point[0] = POINT_FORM;
    memcpy(device.point + 1, device.spki.bytes, SHA256_SIZE);
    memcpy(device.point + 1 + SHA256_SIZE, device.spki.bytes, SHA256_SIZE);
    return device;
}

/* ---- a batch ---- */

static void issue_batch(struct filling *filling, int64_t first, size_t count)
{
    static struct ledger_batch_item items[LEDGER_BATCH_MAX];
    static struct ledger_issue issues[LEDGER_BATCH_MAX];
    static uint8_t licenses[LEDGER_BATCH_MAX][LEDGER_LICENSE_MAX];
    for (size_t i = 0; i < count; i++) {
        int64_t number = first + (int64_t)i;
        memcpy(licenses[i], filling->license, filling->license_length);
        memcpy(licenses[i] + filling->license_length - STAMP_AT, &number, sizeof number);
        issues[i] = filling->form;
        issues[i].device = device_of(filling, number);
        issues[i].license = bytes_of(licenses[i], filling->license_length);
        items[i].issue = &issues[i];
    }
    ck_assert_int_eq(ledger_issue_batch(filling->ledger, items, count, &filling->fault), ERR_OK);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(items[i].code == ERR_OK, "%s", items[i].fault.reason);
}

int64_t fill_ledger(const struct rig *rig, int64_t first, int64_t count)
{
    struct filling filling = {.first = first, .count = count};
    int64_t begin_us = clock_monotonic_us();
    open_filling(rig, &filling);
    for (int64_t done = 0; done < count; done += LEDGER_BATCH_MAX) {
        int64_t left = count - done;
        issue_batch(&filling, first + done,
                    left < LEDGER_BATCH_MAX ? (size_t)left : LEDGER_BATCH_MAX);
        if (done / TELL_EVERY != (done + LEDGER_BATCH_MAX) / TELL_EVERY)
            report_progress("scale: %lld of %lld devices made", (long long)done, (long long)count);
    }
    ledger_close(filling.ledger);
    return clock_monotonic_us() - begin_us;
}
