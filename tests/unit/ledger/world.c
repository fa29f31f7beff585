/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The ledger's test world. */
#include "world.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

/* ---- life ---- */

enum error world_open(struct world *world)
{
    enum error e = ledger_open(world->path, &world->ledger, &world->fault);
    if (e == ERR_OK)
        ledger_set_anchored(world->ledger, LEDGER_NO_ANCHOR, 0);
    return e;
}

void world_make_empty(struct world *world)
{
    *world = (struct world){0};
    temp_dir_make(&world->dir);
    temp_dir_path(&world->dir, "ledger.db", world->path);
    ck_assert_msg(world_open(world) == ERR_OK, "%s: %s", world->fault.reason, world->fault.detail);
}

void world_equip(struct world *world)
{
    struct ledger_product found;
    struct ledger_principal principal;
    const struct sha256 key = world_digest('s', 1);
    ck_assert_int_eq(ledger_product_get(world->ledger, WORLD_PRODUCT, &found, &world->fault), 0);
    world->product_id = found.id;
    world->image_id = world_add_image(world, 1);
    ck_assert_int_eq(world_enrol(world, "st-1", LEDGER_STATION, 1), 0);
    ck_assert_int_eq(world_enrol(world, "st-2", LEDGER_STATION, 2), 0);
    ck_assert_int_eq(ledger_principal_get(world->ledger, &key, &principal, &world->fault), 0);
    world->station_id = principal.id;
}

void world_fill(struct world *world, int64_t quota)
{
    static const char ANCHORS[] = "-----BEGIN CERTIFICATE-----\n";
    const struct ledger_product_new product = {
        .name = WORLD_PRODUCT,
        .profile = "sealed-v1",
        .policy = LEDGER_PER_DEVICE,
        .firmware_key = {1, 2, 3},
        .quota = quota,
        .anchors = bytes_of(ANCHORS, sizeof ANCHORS - 1),
    };
    ck_assert_int_eq(ledger_product_create(world->ledger, &product, WORLD_BY, &world->fault), 0);
    world_equip(world);
}

void world_make(struct world *world, int64_t quota)
{
    world_make_empty(world);
    world_fill(world, quota);
}

void world_reopen(struct world *world)
{
    ledger_close(world->ledger);
    world->ledger = NULL;
    ck_assert_msg(world_open(world) == ERR_OK, "%s: %s", world->fault.reason, world->fault.detail);
}

void world_end(struct world *world)
{
    ledger_close(world->ledger);
    temp_dir_remove(&world->dir);
}

/* ---- things ---- */

struct sha256 world_digest(char kind, int64_t n)
{
    char text[40];
    int length = snprintf(text, sizeof text, "%c%lld", kind, (long long)n);
    return sha256_of(bytes_of(text, (size_t)length));
}

struct ledger_device world_device(int64_t n)
{
    struct ledger_device device = {.spki = world_digest('d', n)};
    (void)snprintf(device.serial, sizeof device.serial, "SN-%lld", (long long)n);
    return device;
}

struct ledger_image world_image(int64_t n)
{
    struct ledger_image image = {.digest = world_digest('i', n),
                                 .size = 1000 + n,
                                 .session_key_length = LEDGER_WRAPPED_KEY_MAX,
                                 .generation = 1,
                                 .iv_length = 12,
                                 .tag_length = LEDGER_TAG_BYTES,
                                 .created_unix_ms = clock_unix_ms(),
                                 .is_enabled = true};
    struct sha256 key = world_digest('k', n);
    memcpy(image.session_key, key.bytes, SHA256_SIZE);
    (void)snprintf(image.label, sizeof image.label, "v%lld", (long long)n);
    return image;
}

int64_t world_add_image(struct world *world, int64_t n)
{
    struct ledger_image image = world_image(n);
    struct ledger_image found;
    ck_assert_int_eq(
        ledger_image_add(world->ledger, WORLD_PRODUCT, &image, WORLD_BY, &world->fault), ERR_OK);
    ck_assert_int_eq(
        ledger_image_get(world->ledger, world->product_id, &image.digest, &found, &world->fault),
        ERR_OK);
    return found.id;
}

/* ---- calls ---- */

enum error world_enrol(struct world *world, const char *name, enum ledger_role role, int64_t n)
{
    const struct ledger_enrolment enrolment = {
        .name = name, .role = role, .spki = world_digest('s', n)};
    return ledger_principal_add(world->ledger, &enrolment, WORLD_BY, &world->fault);
}

enum error world_switch(struct world *world, const char *name, bool is_enabled)
{
    return ledger_principal_enable(world->ledger, name, LEDGER_STATION, is_enabled, WORLD_BY,
                                   &world->fault);
}

enum error world_issue_image(struct world *world, const struct ledger_device *device,
                             int64_t image_id, struct ledger_issued *ret_issued)
{
    char license[128];
    struct fault *fault = &world->fault;
    int length =
        snprintf(license, sizeof license, "license-%s-%lld", device->serial, (long long)image_id);
    const struct ledger_issue issue = {
        .product_id = world->product_id,
        .image_id = image_id,
        .principal_id = world->station_id,
        .device = *device,
        .license = bytes_of(license, (size_t)length),
        .context = {.lot = "L-7", .line = "2"},
    };
    enum error e = ledger_issue(world->ledger, &issue, ret_issued, fault);
    if (e != ERR_OK)
        ck_assert_int_eq(fault->code, e);
    return e;
}

enum error world_issue(struct world *world, int64_t n, struct ledger_issued *ret_issued)
{
    const struct ledger_device device = world_device(n);
    return world_issue_image(world, &device, world->image_id, ret_issued);
}

enum error world_standing(struct world *world, const struct ledger_device *device,
                          enum ledger_standing *ret_standing)
{
    return ledger_standing(world->ledger, world->product_id, world->image_id, world->station_id,
                           device, ret_standing, &world->fault);
}

enum error world_report(struct world *world, const struct uuid *install, enum ledger_result result)
{
    const struct ledger_outcome outcome = {
        .install = *install, .principal_id = world->station_id, .result = result};
    return ledger_outcome_record(world->ledger, &outcome, NULL, &world->fault);
}

struct ledger_usage world_usage(struct world *world)
{
    struct ledger_usage usage;
    ck_assert_int_eq(ledger_usage(world->ledger, WORLD_PRODUCT, &usage, &world->fault), ERR_OK);
    return usage;
}

/* ---- raw rows ---- */

sqlite3 *world_raw(const struct world *world)
{
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open_v2(world->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_busy_timeout(db, 5000);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    return db;
}

int64_t world_number(const struct world *world, const char *query)
{
    sqlite3 *db = world_raw(world);
    sqlite3_stmt *row = NULL;
    ck_assert_msg(sqlite3_prepare_v2(db, query, -1, &row, NULL) == SQLITE_OK, "%s: %s", query,
                  sqlite3_errmsg(db));
    ck_assert_msg(sqlite3_step(row) == SQLITE_ROW, "%s: %s", query, sqlite3_errmsg(db));
    int64_t number = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
    return number;
}

int world_execute(const struct world *world, const char *sql)
{
    sqlite3 *db = world_raw(world);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    (void)sqlite3_close(db);
    return rc;
}

const char *world_leaf(const struct world *world, int64_t index)
{
    static char text[65536];
    sqlite3 *db = world_raw(world);
    sqlite3_stmt *row = NULL;
    ck_assert_int_eq(
        sqlite3_prepare_v2(db, "SELECT entry FROM journal WHERE idx = ?1", -1, &row, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_bind_int64(row, 1, index), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
    int length = sqlite3_column_bytes(row, 0);
    memcpy(text, sqlite3_column_blob(row, 0), (size_t)length);
    text[length] = '\0';
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
    return text;
}

int64_t world_leaves_with(const struct world *world, const char *words)
{
    char query[256];
    (void)snprintf(query, sizeof query,
                   "SELECT count(*) FROM journal WHERE instr(CAST(entry AS TEXT), '%s') > 0",
                   words);
    return world_number(world, query);
}

int world_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
