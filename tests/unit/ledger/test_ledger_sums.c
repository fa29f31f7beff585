/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Installs summed by lot, day and station. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "set_clock.h"
#include "world.h"

#define DAY_MS   INT64_C(86400000)
#define MIDNIGHT (20419 * DAY_MS) /* 2025-11-27 */
#define ROWS_MAX 64

static struct world world;
static int64_t stations[3];

static void setup(void)
{
    struct ledger_principal principal;
    const struct sha256 key = world_digest('s', 2);
    set_clock_stop(MIDNIGHT - DAY_MS);
    world_make(&world, 1000);
    ck_assert_int_eq(ledger_principal_get(world.ledger, &key, &principal, &world.fault), ERR_OK);
    stations[1] = world.station_id;
    stations[2] = principal.id;
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static struct uuid issue(int64_t device, const char *lot, int station, int64_t time)
{
    struct ledger_issued issued;
    struct ledger_issue asked = {.product_id = world.product_id,
                                 .image_id = world.image_id,
                                 .principal_id = stations[station],
                                 .device = world_device(device),
                                 .license = bytes_of("a license", 9)};
    (void)snprintf(asked.context.lot, sizeof asked.context.lot, "%s", lot);
    set_clock_stop(time);
    ck_assert_int_eq(ledger_issue(world.ledger, &asked, &issued, &world.fault), ERR_OK);
    return issued.install;
}

struct sums {
    struct ledger_usage_row rows[ROWS_MAX];
    size_t count;
};

static struct sums sums;

static bool note(void *context, const struct ledger_usage_row *row)
{
    struct sums *into = context;
    into->rows[into->count++] = *row;
    return true;
}

/* All pages of that size. */
static size_t read_all(struct ledger_usage_filter filter)
{
    char after[LEDGER_CONTEXT_MAX + 1];
    bool is_more = true;
    filter.product = WORLD_PRODUCT;
    sums.count = 0;
    while (is_more) {
        ck_assert_int_eq(
            ledger_usage_each(world.ledger, &filter, note, &sums, &is_more, &world.fault), ERR_OK);
        if (is_more)
            strcpy(after, sums.rows[sums.count - 1].key);
        filter.after = after;
    }
    return sums.count;
}

static const struct ledger_usage_row *row_of(const char *key)
{
    for (size_t i = 0; i < sums.count; i++) {
        if (strcmp(sums.rows[i].key, key) == 0)
            return &sums.rows[i];
    }
    ck_abort_msg("no row %s", key);
    return NULL;
}

START_TEST(a_lot_counts_its_installs_and_their_outcomes)
{
    const struct uuid done = issue(1, "L-1", 1, MIDNIGHT);
    const struct uuid broken = issue(2, "L-1", 1, MIDNIGHT + 1);
    (void)issue(3, "L-1", 2, MIDNIGHT + 2);
    (void)issue(3, "L-9", 2, MIDNIGHT + 3); /* a repeat counts where its first license did */
    const struct uuid scrapped = issue(4, "L-2", 2, MIDNIGHT + 4);
    (void)issue(5, "", 1, MIDNIGHT + 5);
    world.image_id = world_add_image(&world, 2);
    (void)issue(1, "L-2", 1, MIDNIGHT + 6); /* of a unit that is charged */
    ck_assert_int_eq(world_report(&world, &done, LEDGER_SUCCEEDED), ERR_OK);
    ck_assert_int_eq(world_report(&world, &broken, LEDGER_FAILED), ERR_OK);
    ck_assert_int_eq(world_report(&world, &scrapped, LEDGER_SCRAPPED), ERR_OK);
    ck_assert_uint_eq(
        read_all((struct ledger_usage_filter){.key = LEDGER_BY_LOT, .limit = LEDGER_PAGE_MAX}), 3);
    ck_assert_str_eq(sums.rows[0].key, "");
    ck_assert_str_eq(sums.rows[1].key, "L-1");
    ck_assert_str_eq(sums.rows[2].key, "L-2");
    const struct ledger_usage_row *first = row_of("L-1");
    ck_assert_int_eq(first->charged, 3);
    ck_assert_int_eq(first->licensed, 3);
    ck_assert_int_eq(first->attempts, 4);
    ck_assert_int_eq(first->succeeded, 1);
    ck_assert_int_eq(first->failed, 1);
    ck_assert_int_eq(first->unreported, 1);
    ck_assert_int_eq(first->proven, 0);
    ck_assert_int_eq(row_of("L-2")->charged, 1);
    ck_assert_int_eq(row_of("L-2")->licensed, 2);
    ck_assert_int_eq(row_of("L-2")->scrapped, 1);
    ck_assert_int_eq(row_of("")->charged, 1);
}
END_TEST

START_TEST(a_receipt_is_counted_as_proof)
{
    const struct ledger_outcome outcome = {.install = issue(1, "L-1", 1, MIDNIGHT),
                                           .principal_id = stations[1],
                                           .result = LEDGER_SUCCEEDED,
                                           .receipt = {1},
                                           .receipt_length = 1,
                                           .key = {2},
                                           .key_length = 1};
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &outcome, NULL, &world.fault), ERR_OK);
    (void)read_all((struct ledger_usage_filter){.key = LEDGER_BY_LOT, .limit = 1});
    ck_assert_int_eq(row_of("L-1")->proven, 1);
    ck_assert_int_eq(row_of("L-1")->succeeded, 1);
}
END_TEST

START_TEST(a_day_begins_at_midnight_utc)
{
    (void)issue(1, "", 1, MIDNIGHT - 1);
    (void)issue(2, "", 1, MIDNIGHT);
    (void)issue(3, "", 1, MIDNIGHT + DAY_MS - 1);
    (void)issue(4, "", 1, MIDNIGHT + 40 * DAY_MS);
    for (unsigned limit = 1; limit <= 4; limit++) {
        ck_assert_uint_eq(
            read_all((struct ledger_usage_filter){.key = LEDGER_BY_DAY, .limit = limit}), 3);
        ck_assert_str_eq(sums.rows[0].key, "2025-11-26");
        ck_assert_str_eq(sums.rows[1].key, "2025-11-27");
        ck_assert_str_eq(sums.rows[2].key, "2026-01-06");
        ck_assert_int_eq(sums.rows[1].charged, 2);
    }
}
END_TEST

START_TEST(stations_come_by_name_and_a_span_of_time_narrows)
{
    (void)issue(1, "", 2, MIDNIGHT);
    (void)issue(2, "", 1, MIDNIGHT + 10);
    (void)issue(3, "", 2, MIDNIGHT + 20);
    struct ledger_usage_filter filter = {.key = LEDGER_BY_STATION, .limit = 1};
    ck_assert_uint_eq(read_all(filter), 2);
    ck_assert_str_eq(sums.rows[0].key, "st-1");
    ck_assert_str_eq(sums.rows[1].key, "st-2");
    ck_assert_int_eq(sums.rows[1].licensed, 2);
    filter.since_unix_ms = MIDNIGHT + 10;
    filter.until_unix_ms = MIDNIGHT + 20;
    ck_assert_uint_eq(read_all(filter), 1);
    ck_assert_str_eq(sums.rows[0].key, "st-1");
    filter.since_unix_ms = MIDNIGHT + 21;
    filter.until_unix_ms = 0;
    ck_assert_uint_eq(read_all(filter), 0);
}
END_TEST

START_TEST(units_are_counted_since_a_time)
{
    int64_t units = -1;
    (void)issue(1, "", 1, MIDNIGHT);
    (void)issue(2, "", 1, MIDNIGHT + 10);
    world.image_id = world_add_image(&world, 2);
    (void)issue(1, "", 1, MIDNIGHT + 20); /* no charge */
    (void)issue(3, "", 1, MIDNIGHT + 30);
    static const struct {
        int64_t since;
        int64_t units;
    } CASES[] = {
        {0, 3}, {1, 3}, {MIDNIGHT, 3}, {MIDNIGHT + 1, 2}, {MIDNIGHT + 30, 1}, {MIDNIGHT + 31, 0}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        ck_assert_int_eq(ledger_charged_since(world.ledger, world.product_id, CASES[i].since,
                                              &units, &world.fault),
                         ERR_OK);
        ck_assert_int_eq(units, CASES[i].units);
    }
}
END_TEST

START_TEST(what_cannot_be_summed_is_said)
{
    bool is_more = false;
    struct ledger_usage_filter filter = {.product = "none", .key = LEDGER_BY_LOT, .limit = 1};
    ck_assert_int_eq(ledger_usage_each(world.ledger, &filter, note, &sums, &is_more, &world.fault),
                     ERR_PRODUCT_UNKNOWN);
    filter.product = WORLD_PRODUCT;
    filter.limit = 0;
    ck_assert_int_eq(ledger_usage_each(world.ledger, &filter, note, &sums, &is_more, &world.fault),
                     ERR_BAD_REQUEST);
    filter.limit = 1;
    filter.key = (enum ledger_usage_key)4;
    ck_assert_int_eq(ledger_usage_each(world.ledger, &filter, note, &sums, &is_more, &world.fault),
                     ERR_BAD_REQUEST);
    ck_assert_str_eq(world.fault.reason, "key");
}
END_TEST

/* ---- the bound ---- */

/* Past the ledger's code, so that it takes a second and not an hour. */
static void add_many(int count)
{
    char text[1024];
    (void)sqlite3_snprintf(
        sizeof text, text,
        "PRAGMA foreign_keys = OFF; DROP TRIGGER install_matches; DROP TRIGGER install_has_unit;"
        "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < %d) "
        "INSERT INTO install (uuid, device_id, image_id, principal_id, license, licensed_unix_ms, "
        "attempted_unix_ms, lot, line, work_order, operator, socket, charge_id, product_id, "
        "is_charged, leaf) SELECT CAST(printf('%%016d', x) AS BLOB), 1000 + x, 3, 1, x'00', %lld, "
        "0, 'L-many', '', "
        "'', '', '', 1, 1, 1, 0 FROM n",
        count, (long long)(MIDNIGHT + 10));
    ck_assert_int_eq(world_execute(&world, text), SQLITE_OK);
}

START_TEST(a_sum_over_too_many_installs_is_refused)
{
    struct ledger_usage_filter filter = {
        .product = WORLD_PRODUCT, .key = LEDGER_BY_LOT, .limit = 9};
    bool is_more = false;
    int64_t units = 0;
    (void)issue(1, "L-1", 1, MIDNIGHT);
    add_many(LEDGER_SUM_MAX);
    ck_assert_int_eq(ledger_usage_each(world.ledger, &filter, note, &sums, &is_more, &world.fault),
                     ERR_BAD_REQUEST);
    ck_assert_str_eq(world.fault.reason, "range-too-large");
    ck_assert_int_eq(ledger_charged_since(world.ledger, world.product_id, 0, &units, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(units, LEDGER_SUM_MAX + 1); /* and not all that there are */
    filter.since_unix_ms = MIDNIGHT + 1;
    sums.count = 0;
    ck_assert_int_eq(ledger_usage_each(world.ledger, &filter, note, &sums, &is_more, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(sums.rows[0].charged, LEDGER_SUM_MAX);
    filter.since_unix_ms = 0;
    filter.until_unix_ms = MIDNIGHT + 1;
    ck_assert_uint_eq(read_all(filter), 1);
}
END_TEST

static void end(void)
{
    world_end(&world);
}

int main(void)
{
    Suite *suite = suite_create("sums");
    TCase *tcase = tcase_create("sums");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_lot_counts_its_installs_and_their_outcomes);
    tcase_add_test(tcase, a_receipt_is_counted_as_proof);
    tcase_add_test(tcase, a_day_begins_at_midnight_utc);
    tcase_add_test(tcase, stations_come_by_name_and_a_span_of_time_narrows);
    tcase_add_test(tcase, units_are_counted_since_a_time);
    tcase_add_test(tcase, what_cannot_be_summed_is_said);
    suite_add_tcase(suite, tcase);
    TCase *bound = tcase_create("bound");
    tcase_add_checked_fixture(bound, setup, end); /* its rows are nobody's account */
    tcase_set_timeout(bound, 120);
    tcase_add_test(bound, a_sum_over_too_many_installs_is_refused);
    suite_add_tcase(suite, bound);
    return world_run(suite);
}
