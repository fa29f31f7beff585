/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The account as it is told, and the ages of what nobody has reported on. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "ledger/sqlite_sql.h"
#include "maker.h"
#include "set_clock.h"
#include "support/sizes.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)
#define WEEK_MS (7 * DAY_MS)
#define NOW     INT64_C(4000000000000)

static struct world world;

static void setup(void)
{
    set_clock_stop(NOW);
    maker_make(&world, 20);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static struct uuid install(int64_t n)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
    return issued.install;
}

static void report(const struct uuid *id, enum ledger_result result)
{
    ck_assert_int_eq(world_report(&world, id, result), ERR_OK);
}

static void assert_ages(int64_t hour, int64_t day, int64_t week, int64_t older)
{
    const struct ledger_usage usage = world_usage(&world);
    ck_assert_int_eq(usage.unreported_age[0], hour);
    ck_assert_int_eq(usage.unreported_age[1], day);
    ck_assert_int_eq(usage.unreported_age[2], week);
    ck_assert_int_eq(usage.unreported_age[3], older);
    ck_assert_int_eq(usage.unreported, hour + day + week + older);
}

/* ---- numbers ---- */

START_TEST(usage_tells_where_units_came_from_and_what_became_of_them)
{
    const struct ledger_grant scrap = maker_units(LEDGER_GRANT_SCRAP, 3);
    const struct ledger_grant revoke = maker_units(LEDGER_GRANT_REVOKE, 4);
    const struct uuid ids[] = {install(1), install(2), install(3), install(4), install(5)};
    struct ledger_outcome proven = {
        .install = ids[0], .principal_id = world.station_id, .result = LEDGER_SUCCEEDED};
    proven.receipt_length = 70;
    proven.key_length = 91;
    (void)maker_must(&world, &scrap);
    (void)maker_must(&world, &revoke);
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &proven, NULL, &world.fault), ERR_OK);
    report(&ids[1], LEDGER_SUCCEEDED);
    report(&ids[2], LEDGER_FAILED);
    report(&ids[3], LEDGER_SCRAPPED);
    const struct ledger_usage wanted = {.accepted = 20,
                                        .revoked = 4,
                                        .scrap_allowance = 3,
                                        .scrap_drawn = 1,
                                        .granted = 17,
                                        .charged = 5,
                                        .remaining = 12,
                                        .licensed = 5,
                                        .succeeded = 2,
                                        .failed = 1,
                                        .scrapped = 1,
                                        .unreported = 1,
                                        .proven = 1,
                                        .unreported_age = {1, 0, 0, 0},
                                        .is_governed = true,
                                        .policy = LEDGER_PER_DEVICE};
    struct ledger_usage usage;
    memset(&usage, 0, sizeof usage);
    ck_assert_int_eq(ledger_usage(world.ledger, WORLD_PRODUCT, &usage, &world.fault), ERR_OK);
    ck_assert_int_eq(memcmp(&usage, &wanted, offsetof(struct ledger_usage, is_governed)), 0);
    ck_assert(usage.is_governed);
    ck_assert_int_eq(usage.policy, LEDGER_PER_DEVICE);
}
END_TEST

/* ---- ages ---- */

START_TEST(unreported_units_age)
{
    static const struct {
        int64_t age;
        int64_t ages[4];
    } STEPS[] = {
        {0, {1, 0, 0, 0}},          {HOUR_MS - 1, {1, 0, 0, 0}},  {HOUR_MS, {0, 1, 0, 0}},
        {DAY_MS - 1, {0, 1, 0, 0}}, {DAY_MS, {0, 0, 1, 0}},       {WEEK_MS - 1, {0, 0, 1, 0}},
        {WEEK_MS, {0, 0, 0, 1}},    {52 * WEEK_MS, {0, 0, 0, 1}},
    };
    (void)install(1);
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        set_clock_stop(NOW + STEPS[i].age);
        assert_ages(STEPS[i].ages[0], STEPS[i].ages[1], STEPS[i].ages[2], STEPS[i].ages[3]);
    }
}
END_TEST

START_TEST(what_is_reported_has_no_age)
{
    const struct uuid old = install(1);
    (void)install(2);
    set_clock_stop(NOW + DAY_MS);
    (void)install(3);
    assert_ages(1, 0, 2, 0);
    report(&old, LEDGER_FAILED);
    assert_ages(1, 0, 1, 0);
}
END_TEST

/* The age of a unit is that of its newest install; a repeat makes nothing younger. */
START_TEST(a_new_install_makes_its_unit_young_again)
{
    struct ledger_issued issued;
    const struct ledger_device device = world_device(1);
    int64_t image = world_add_image(&world, 2);
    (void)install(1);
    set_clock_stop(NOW + DAY_MS);
    (void)install(1);
    assert_ages(0, 0, 1, 0);
    ck_assert_int_eq(world_issue_image(&world, &device, image, &issued), ERR_OK);
    assert_ages(1, 0, 0, 0);
}
END_TEST

START_TEST(a_clock_set_back_makes_nothing_older)
{
    (void)install(1);
    set_clock_stop(NOW - WEEK_MS);
    assert_ages(1, 0, 0, 0);
}
END_TEST

START_TEST(each_product_counts_its_own)
{
    const struct ledger_product_new other = {.name = "local",
                                             .profile = "sealed-v1",
                                             .policy = LEDGER_PER_LICENSE,
                                             .quota = 1,
                                             .anchors = bytes_of("PEM", 3)};
    struct ledger_usage usage;
    (void)install(1);
    ck_assert_int_eq(ledger_product_create(world.ledger, &other, WORLD_BY, &world.fault), ERR_OK);
    ck_assert_int_eq(ledger_usage(world.ledger, "local", &usage, &world.fault), ERR_OK);
    ck_assert_int_eq(usage.unreported, 0);
    ck_assert_int_eq(usage.unreported_age[0], 0);
    ck_assert_int_eq(usage.granted, 1);
    ck_assert(!usage.is_governed);
    ck_assert_int_eq(usage.policy, LEDGER_PER_LICENSE);
    assert_ages(1, 0, 0, 0);
}
END_TEST

/* ---- many ---- */

/* Every read of charges goes along the index of the unreported ones, and none touches the rows. */
START_TEST(ages_are_counted_along_the_index_of_unreported_units)
{
    char explain[2048];
    int searches = 0;
    sqlite3 *db = world_raw(&world);
    sqlite3_stmt *row = NULL;
    (void)snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql_text(SQL_USAGE));
    ck_assert_int_eq(sqlite3_prepare_v2(db, explain, -1, &row, NULL), SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(row, 3);
        bool is_charge = strstr(detail, "SEARCH c ") != NULL;
        ck_assert_msg(strstr(detail, "SCAN") == NULL, "%s", detail);
        ck_assert_msg(!is_charge || strstr(detail, "COVERING INDEX charge_unreported") != NULL,
                      "%s", detail);
        searches += is_charge;
    }
    ck_assert_int_eq(searches, 3);
    (void)sqlite3_finalize(row);
    (void)sqlite3_close(db);
}
END_TEST

#define USAGE_MAX_MS 2000 /* generous, for a busy machine; the time is printed */

/* Rows as a factory leaves them that never reports: made by SQL, because licenses take longer. */
static void make_unreported(size_t units)
{
    char sql[1024];
    (void)snprintf(sql, sizeof sql,
                   "BEGIN; UPDATE product SET accepted = %zu, installs = %zu; "
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %zu) "
                   "INSERT INTO device (product_id, spki, serial) "
                   "SELECT 1, CAST(printf('%%032d', i) AS BLOB), '' FROM n; "
                   "INSERT INTO charge (product_id, device_id, policy, installed_unix_ms) "
                   "SELECT 1, id, 1, %lld - id %% 2 * %lld FROM device; COMMIT;",
                   units, units, units, (long long)NOW, (long long)(2 * DAY_MS));
    ck_assert_int_eq(world_execute(&world, sql), SQLITE_OK);
}

START_TEST(a_million_unreported_units_cost_a_moment)
{
    int64_t units = (int64_t)test_size("unreported units", 100000, 1000000);
    set_clock_stop(NOW);
    world_make(&world, 1);
    make_unreported((size_t)units);
    deadline_ms before = deadline_in(0);
    assert_ages(units / 2, 0, units / 2, 0);
    int64_t took = deadline_in(0) - before;
    printf("usage over %lld unreported units: %lld ms\n", (long long)units, (long long)took);
    ck_assert_int_lt(took, USAGE_MAX_MS);
    world_end(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("usage");
    TCase *tcase = tcase_create("usage");
    TCase *many = tcase_create("many");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, usage_tells_where_units_came_from_and_what_became_of_them);
    tcase_add_test(tcase, unreported_units_age);
    tcase_add_test(tcase, what_is_reported_has_no_age);
    tcase_add_test(tcase, a_new_install_makes_its_unit_young_again);
    tcase_add_test(tcase, a_clock_set_back_makes_nothing_older);
    tcase_add_test(tcase, each_product_counts_its_own);
    tcase_add_test(tcase, ages_are_counted_along_the_index_of_unreported_units);
    tcase_set_timeout(many, 120);
    tcase_add_test(many, a_million_unreported_units_cost_a_moment);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, many);
    return world_run(suite);
}
