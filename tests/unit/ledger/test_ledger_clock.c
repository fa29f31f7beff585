/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A clock that somebody sets: times of leaves never go back, and no license is issued behind them.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "fault_vfs.h"
#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "set_clock.h"
#include "world.h"

#define HOUR_MS INT64_C(3600000)

static struct world world;
static void setup(void)
{
    set_clock_shift(0);
    fault_vfs_register();
    world_make(&world, 100);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

/* Whether the texts of time in the journal, which sort like the times, ever go back. */
static void assert_times_rise(void)
{
    ck_assert_int_eq(
        world_number(&world, "SELECT count(*) FROM journal a JOIN journal b ON b.idx = a.idx + 1 "
                             "WHERE json_extract(CAST(b.entry AS TEXT), '$.time') < "
                             "json_extract(CAST(a.entry AS TEXT), '$.time')"),
        0);
}

static void assert_set_back(int64_t n)
{
    const struct ledger_issue asked = {.product_id = world.product_id,
                                       .image_id = world.image_id,
                                       .principal_id = world.station_id,
                                       .device = world_device(n),
                                       .license = bytes_of("x", 1)};
    struct ledger_issued issued;
    ck_assert_int_eq(ledger_issue(world.ledger, &asked, &issued, &world.fault), ERR_CLOCK_SET_BACK);
    ck_assert_str_eq(world.fault.reason, "clock-set-back");
}

static enum error issue(int64_t n)
{
    struct ledger_issued issued;
    return world_issue(&world, n, &issued);
}

START_TEST(times_of_leaves_never_go_back)
{
    static const int64_t SHIFTS[] = {0, 30000, -20000, 25000, 0, -1, 40000, -10000};
    for (size_t i = 0; i < sizeof SHIFTS / sizeof SHIFTS[0]; i++) {
        set_clock_shift(SHIFTS[i]);
        ck_assert_int_eq(issue((int64_t)i % 5), ERR_OK);
    }
    world_reopen(&world);
    set_clock_shift(-HOUR_MS);
    world_reopen(&world);
    assert_times_rise();
}
END_TEST

START_TEST(a_clock_set_back_issues_nothing)
{
    ck_assert_int_eq(issue(1), ERR_OK);
    set_clock_shift(-HOUR_MS);
    assert_set_back(1); /* a repeat */
    assert_set_back(2);
    ck_assert_int_eq(world_usage(&world).charged, 1);
    set_clock_shift(0);
    ck_assert_int_eq(issue(1), ERR_OK);
    ck_assert_int_eq(issue(2), ERR_OK);
}
END_TEST

START_TEST(how_far_the_clock_is_behind_is_known)
{
    int64_t time = clock_unix_ms() + HOUR_MS;
    set_clock_stop(time);
    ck_assert_int_eq(issue(1), ERR_OK);
    ck_assert_int_eq(ledger_behind_ms(world.ledger), 0);
    set_clock_stop(time - HOUR_MS);
    ck_assert_int_eq(ledger_behind_ms(world.ledger), HOUR_MS);
    world_reopen(&world);
    ck_assert_int_eq(ledger_behind_ms(world.ledger), HOUR_MS);
    set_clock_stop(time + 1);
    ck_assert_int_eq(ledger_behind_ms(world.ledger), 0);
}
END_TEST

START_TEST(a_step_back_is_tolerated_up_to_the_limit)
{
    int64_t time = clock_unix_ms() + HOUR_MS;
    set_clock_stop(time);
    ck_assert_int_eq(issue(1), ERR_OK);
    set_clock_stop(time - LEDGER_CLOCK_TOLERANCE_MS);
    ck_assert_int_eq(issue(1), ERR_OK);
    ck_assert_int_eq(issue(2), ERR_OK);
    set_clock_stop(time - LEDGER_CLOCK_TOLERANCE_MS - 1);
    assert_set_back(1);
    assert_set_back(3);
    assert_times_rise();
}
END_TEST

START_TEST(what_is_no_license_is_recorded_at_the_newest_time)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    set_clock_shift(-HOUR_MS);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SUCCEEDED), ERR_OK);
    (void)world_add_image(&world, 2);
    assert_times_rise();
    assert_set_back(2);
}
END_TEST

START_TEST(a_start_does_not_forget_the_newest_time)
{
    set_clock_shift(HOUR_MS);
    ck_assert_int_eq(issue(1), ERR_OK);
    set_clock_shift(0);
    world_reopen(&world);
    assert_set_back(2);
    world_reopen(&world);
    assert_set_back(2);
    assert_times_rise();
    set_clock_shift(HOUR_MS);
    ck_assert_int_eq(issue(2), ERR_OK);
}
END_TEST

START_TEST(rows_have_the_time_of_their_leaf)
{
    set_clock_shift(HOUR_MS);
    ck_assert_int_eq(issue(1), ERR_OK);
    set_clock_shift(HOUR_MS - LEDGER_CLOCK_TOLERANCE_MS / 2);
    ck_assert_int_eq(issue(2), ERR_OK);
    ck_assert_int_eq(world_number(&world, "SELECT count(DISTINCT licensed_unix_ms) FROM install"),
                     1);
}
END_TEST

static enum error apply_failing(struct change_context *context, void *body, struct fault *fault)
{
    (void)body;
    struct leaf leaf = leaf_new(context, "failing");
    enum error e = leaf_append(&leaf, NULL, fault);
    return e == ERR_OK ? fault_set(fault, ERR_CONFLICT, "test", "Undone.", 0) : e;
}

/* One moment of a wrong clock must not lock the ledger when nothing came of it. */
START_TEST(a_leaf_that_was_undone_moves_no_time)
{
    set_clock_shift(HOUR_MS);
    CHANGE_AUTO *change = ledger_change(apply_failing, 0, &world.fault);
    ck_assert_int_eq(commit_run(world.ledger->committer, change, &world.fault), ERR_CONFLICT);
    set_clock_shift(0);
    ck_assert_int_eq(issue(1), ERR_OK);
}
END_TEST

START_TEST(a_group_that_is_not_durable_moves_no_time)
{
    set_clock_shift(HOUR_MS);
    fault_vfs_arm(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, true);
    ck_assert_int_eq(issue(1), ERR_LEDGER_UNAVAILABLE);
    fault_vfs_arm(FAULT_SYNC, 0, SQLITE_OK, false);
    set_clock_shift(0);
    ck_assert_int_eq(issue(1), ERR_OK);
}
END_TEST

/* ---- reading a leaf's time ---- */

static bool reads(const char *leaf, int64_t *ret_unix_ms)
{
    return leaf_time(bytes_of(leaf, strlen(leaf)), ret_unix_ms);
}

START_TEST(a_leafs_time_is_read_as_it_was_written)
{
    static const int64_t TIMES[] = {0, 1, 999, 1000, 951782399999, 1764227136123, 4102444800000};
    char text[TIMESTAMP_SIZE];
    char leaf[100];
    for (size_t i = 0; i < sizeof TIMES / sizeof TIMES[0]; i++) {
        int64_t time = -1;
        timestamp_format(TIMES[i], text);
        (void)snprintf(leaf, sizeof leaf, "{\"time\":\"%s\",\"type\":\"stop\",\"v\":1}", text);
        ck_assert(reads(leaf, &time));
        ck_assert_int_eq(time, TIMES[i]);
    }
}
END_TEST

START_TEST(what_is_no_time_is_not_read)
{
    static const char *const WRONG[] = {
        "",
        "{",
        "{}",
        "{\"time\":1}",
        "{\"time\":\"\"}",
        "{\"time\":\"2026-11-23T22:05:36Z\"}",
        "{\"time\":\"2026-11-23T22:05:36.12Z\"}",
        "{\"time\":\"2026-11-23T22:05:36.123Zx\"}",
        "{\"time\":\"2026-11-23T22:05:36.123\"}",
        "{\"time\":\"2026-02-30T22:05:36.123Z\"}",
        "{\"time\":\" 2026-11-23T22:05:36.123Z\"}",
    };
    int64_t time = -1;
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++)
        ck_assert_msg(!reads(WRONG[i], &time), "%s", WRONG[i]);
    ck_assert_int_eq(time, -1);
}
END_TEST

START_TEST(a_newest_leaf_without_a_time_stops_the_start)
{
    ledger_close(world.ledger);
    world.ledger = NULL;
    ck_assert_int_eq(world_execute(&world, "CREATE TEMP TABLE n AS SELECT max(idx) + 1 AS i FROM "
                                           "journal; INSERT INTO journal SELECT i, x'7b7d' FROM n"),
                     0);
    ck_assert_int_eq(world_open(&world), ERR_LEDGER_UNAVAILABLE);
    ck_assert_str_eq(world.fault.reason, "corrupt");
    world_end(&world);
    world_make(&world, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tcase = tcase_create("clock");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, times_of_leaves_never_go_back);
    tcase_add_test(tcase, a_clock_set_back_issues_nothing);
    tcase_add_test(tcase, how_far_the_clock_is_behind_is_known);
    tcase_add_test(tcase, a_step_back_is_tolerated_up_to_the_limit);
    tcase_add_test(tcase, what_is_no_license_is_recorded_at_the_newest_time);
    tcase_add_test(tcase, a_start_does_not_forget_the_newest_time);
    tcase_add_test(tcase, rows_have_the_time_of_their_leaf);
    tcase_add_test(tcase, a_leaf_that_was_undone_moves_no_time);
    tcase_add_test(tcase, a_group_that_is_not_durable_moves_no_time);
    tcase_add_test(tcase, a_leafs_time_is_read_as_it_was_written);
    tcase_add_test(tcase, what_is_no_time_is_not_read);
    tcase_add_test(tcase, a_newest_leaf_without_a_time_stops_the_start);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
