/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Shares of a quota: per station, per product, per period. The clock stands where a test puts it.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "set_clock.h"
#include "world.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR      60 /* minutes */
#define SHIFT     480
/* Some midnight, and minutes after it. */
#define AT(minutes) (INT64_C(4000000000) / 1440 * 1440 * MINUTE_MS + (minutes)*MINUTE_MS)
#define ALL         ""
#define THREADS     60

static struct world world;
static int64_t stations[3]; /* st-1 and st-2 */

static void setup(void)
{
    struct ledger_principal principal;
    set_clock_stop(AT(0));
    world_make(&world, 100);
    stations[1] = world.station_id;
    const struct sha256 key = world_digest('s', 2);
    ck_assert_int_eq(ledger_principal_get(world.ledger, &key, &principal, &world.fault), ERR_OK);
    stations[2] = principal.id;
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static struct ledger_budget budget_of(const char *station, int64_t units, unsigned period,
                                      unsigned offset)
{
    struct ledger_budget budget = {.product = WORLD_PRODUCT,
                                   .units = units,
                                   .period_minutes = period,
                                   .offset_minutes = offset};
    strcpy(budget.station, station);
    return budget;
}

static enum error set(const struct ledger_budget *budget)
{
    return ledger_budget_set(world.ledger, budget, WORLD_BY, &world.fault);
}

static void must_set(const char *station, int64_t units, unsigned period, unsigned offset)
{
    const struct ledger_budget budget = budget_of(station, units, period, offset);
    ck_assert_msg(set(&budget) == ERR_OK, "%s: %s", world.fault.reason, world.fault.detail);
}

/* The n-th device at that station. */
static enum error charge(int station, int64_t n)
{
    struct ledger_issued issued;
    world.station_id = stations[station];
    return world_issue(&world, n, &issued);
}

static void must_charge(int station, int64_t first, int64_t count)
{
    for (int64_t n = first; n < first + count; n++)
        ck_assert_int_eq(charge(station, n), ERR_OK);
}

/* Snapshot and transaction say the same. */
static void assert_spent(int station, const char *reason)
{
    enum ledger_standing standing;
    const struct ledger_device device = world_device(999);
    ck_assert_int_eq(charge(station, 999), ERR_BUDGET_SPENT);
    ck_assert_int_eq(world_standing(&world, &device, &standing), ERR_BUDGET_SPENT);
    ck_assert_str_eq(world.fault.reason, reason);
}

/* ---- narrowing ---- */

START_TEST(a_station_gets_its_share_and_no_more)
{
    must_set("st-1", 2, HOUR, 0);
    must_charge(1, 1, 2);
    assert_spent(1, "station-budget");
    must_charge(2, 3, 5);
    ck_assert_int_eq(world_usage(&world).charged, 7);
}
END_TEST

START_TEST(a_product_gives_its_share_to_all_stations_together)
{
    must_set(ALL, 3, HOUR, 0);
    must_charge(1, 1, 2);
    must_charge(2, 3, 1);
    assert_spent(1, "product-budget");
    assert_spent(2, "product-budget");
}
END_TEST

START_TEST(both_shares_bind_and_both_are_drawn)
{
    must_set("st-1", 2, HOUR, 0);
    must_set(ALL, 3, HOUR, 0);
    must_charge(1, 1, 2);
    assert_spent(1, "station-budget");
    must_charge(2, 3, 1);
    assert_spent(2, "product-budget");
}
END_TEST

START_TEST(a_share_widens_no_quota)
{
    const int64_t units = world_usage(&world).remaining;
    must_set("st-1", 1000, HOUR, 0);
    must_charge(1, 1, units);
    ck_assert_int_eq(charge(1, 999), ERR_QUOTA_SPENT);
}
END_TEST

START_TEST(a_share_of_nothing_stops_new_devices)
{
    must_set(ALL, 0, HOUR, 0);
    assert_spent(1, "product-budget");
    ck_assert_int_eq(world_usage(&world).charged, 0);
}
END_TEST

/* Only charges count: repeats and further images of a charged device need nothing. */
START_TEST(what_takes_no_unit_draws_no_share_and_needs_none)
{
    struct ledger_issued issued;
    const struct ledger_device device = world_device(1);
    int64_t second = world_add_image(&world, 2);
    must_set("st-1", 2, HOUR, 0);
    must_charge(1, 1, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(charge(1, 1), ERR_OK);
    ck_assert_int_eq(world_issue_image(&world, &device, second, &issued), ERR_OK);
    must_charge(1, 2, 1);
    assert_spent(1, "station-budget");
    ck_assert_int_eq(charge(1, 1), ERR_OK);
    int64_t third = world_add_image(&world, 3);
    ck_assert_int_eq(world_issue_image(&world, &device, third, &issued), ERR_OK);
    ck_assert_int_eq(world_number(&world, "SELECT used FROM budget"), 2);
}
END_TEST

/* ---- periods ---- */

START_TEST(a_new_period_begins_on_its_minute)
{
    must_set("st-1", 1, HOUR, 0);
    set_clock_stop(AT(HOUR) - 1);
    must_charge(1, 1, 1);
    assert_spent(1, "station-budget");
    set_clock_stop(AT(HOUR));
    must_charge(1, 2, 1);
    assert_spent(1, "station-budget");
    set_clock_stop(AT(2 * HOUR) - 1);
    assert_spent(1, "station-budget");
    set_clock_stop(AT(2 * HOUR));
    must_charge(1, 3, 1);
}
END_TEST

static void assert_spent_until(int64_t unix_ms)
{
    assert_spent(1, "station-budget");
    ck_assert_int_eq(world.fault.until_unix_ms, unix_ms);
}

START_TEST(a_spent_share_says_when_the_next_period_begins)
{
    must_set("st-1", 0, HOUR, 10);
    set_clock_stop(AT(HOUR));
    assert_spent_until(AT(HOUR) + 10 * MINUTE_MS);
    set_clock_stop(AT(HOUR) + 10 * MINUTE_MS);
    assert_spent_until(AT(HOUR) + (HOUR + 10) * MINUTE_MS);
    struct ledger_issued issued;
    world.station_id = stations[2];
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
}
END_TEST

/* Shifts from 06:00, 14:00 and 22:00 on. */
START_TEST(shifts_begin_at_their_offset)
{
    static const int BEGINS[] = {6 * HOUR, 14 * HOUR, 22 * HOUR, 30 * HOUR};
    must_set(ALL, 1, SHIFT, 6 * HOUR);
    must_charge(1, 1, 1);
    for (int64_t i = 0; i < 4; i++) {
        set_clock_stop(AT(BEGINS[i]) - 1);
        assert_spent(1, "product-budget");
        set_clock_stop(AT(BEGINS[i]));
        must_charge(1, 2 + i, 1);
    }
}
END_TEST

/* A clock that was never set: an offset reaches back behind the beginning of all time. */
START_TEST(periods_begin_at_their_offset_in_1970_too)
{
    world_end(&world);
    set_clock_stop(30 * MINUTE_MS);
    world_make(&world, 100);
    must_set("st-1", 1, HOUR, 45);
    must_charge(1, 1, 1);
    assert_spent(1, "station-budget");
    set_clock_stop(45 * MINUTE_MS);
    must_charge(1, 2, 1);
    assert_spent(1, "station-budget");
}
END_TEST

/* The share of a period that nobody used is gone. */
START_TEST(nothing_is_carried_over)
{
    must_set(ALL, 2, HOUR, 0);
    must_charge(1, 1, 1);
    set_clock_stop(AT(10 * HOUR));
    must_charge(1, 2, 2);
    assert_spent(1, "product-budget");
}
END_TEST

START_TEST(a_restart_forgets_no_share)
{
    must_set("st-1", 2, HOUR, 0);
    must_charge(1, 1, 1);
    world_reopen(&world);
    must_charge(1, 2, 1);
    assert_spent(1, "station-budget");
}
END_TEST

/* ---- setting ---- */

START_TEST(a_share_set_again_keeps_what_was_drawn)
{
    must_set("st-1", 2, HOUR, 0);
    must_charge(1, 1, 2);
    must_set("st-1", 3, HOUR, 0);
    must_charge(1, 3, 1);
    assert_spent(1, "station-budget");
    must_set("st-1", 1, HOUR, 0);
    assert_spent(1, "station-budget");
    must_set("st-1", 4, HOUR, 30); /* another period: nothing was drawn in it */
    must_charge(1, 4, 4);
    assert_spent(1, "station-budget");
    set_clock_stop(AT(30));
    must_charge(1, 8, 4);
}
END_TEST

START_TEST(a_share_that_is_taken_away_binds_no_more)
{
    must_set("st-1", 1, HOUR, 0);
    must_set(ALL, 2, HOUR, 0);
    must_charge(1, 1, 1);
    must_set("st-1", -1, 0, 0);
    must_charge(1, 2, 1);
    assert_spent(1, "product-budget");
    must_set(ALL, -1, 0, 0);
    must_charge(1, 3, 5);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM budget"), 0);
}
END_TEST

START_TEST(a_leaf_tells_of_each_real_change)
{
    must_set("st-1", -1, HOUR, 0); /* there was none */
    must_set("st-1", 2, SHIFT, 360);
    must_set("st-1", 2, SHIFT, 360);
    must_set(ALL, 3, HOUR, 0);
    must_set("st-1", -1, SHIFT, 360);
    must_set("st-1", -1, SHIFT, 360);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"budget-set\""), 3);
    ck_assert_int_eq(world_leaves_with(&world, "{\"by\":\"uid:0\",\"offset_minutes\":360,"
                                               "\"period_minutes\":480,\"product\":\"widget\","
                                               "\"station\":\"st-1\",\"time\":"),
                     2);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"budget-set\",\"units\":2,\"v\":1}"), 1);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"budget-set\",\"units\":-1,\"v\":1}"), 1);
    ck_assert_int_eq(world_leaves_with(&world, "{\"by\":\"uid:0\",\"offset_minutes\":0,"
                                               "\"period_minutes\":60,\"product\":\"widget\","
                                               "\"time\":"),
                     1);
}
END_TEST

START_TEST(a_share_outside_the_limits_is_refused)
{
    const struct ledger_budget wrong[] = {
        budget_of(ALL, -2, HOUR, 0),   budget_of(ALL, LEDGER_QUOTA_MAX + 1, HOUR, 0),
        budget_of(ALL, 1, 0, 0),       budget_of(ALL, 1, LEDGER_PERIOD_MAX_MINUTES + 1, 0),
        budget_of(ALL, 1, HOUR, HOUR), budget_of("no spaces", 1, HOUR, 0),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(set(&wrong[i]), ERR_BAD_REQUEST);
    struct ledger_budget budget = budget_of("st-9", 1, HOUR, 0);
    ck_assert_int_eq(set(&budget), ERR_PRINCIPAL_UNKNOWN);
    ck_assert_str_eq(world.fault.reason, "principal-unknown");
    ck_assert_int_eq(world_enrol(&world, "op-1", LEDGER_OPERATOR, 3), ERR_OK);
    budget = budget_of("op-1", 1, HOUR, 0);
    ck_assert_int_eq(set(&budget), ERR_PRINCIPAL_UNKNOWN);
    budget = budget_of(ALL, 1, HOUR, 0);
    strcpy(budget.product, "none");
    ck_assert_int_eq(set(&budget), ERR_PRODUCT_UNKNOWN);
    must_set(ALL, LEDGER_QUOTA_MAX, LEDGER_PERIOD_MAX_MINUTES, LEDGER_PERIOD_MAX_MINUTES - 1);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM budget"), 1);
}
END_TEST

/* ---- listing ---- */

struct listing {
    struct ledger_budget budgets[4];
    int count;
    int stop_after;
};

static bool see(void *context, const struct ledger_budget *budget)
{
    struct listing *listing = context;
    ck_assert_str_eq(budget->product, WORLD_PRODUCT);
    listing->budgets[listing->count++] = *budget;
    return listing->count != listing->stop_after;
}

static struct listing list(int stop_after)
{
    struct listing listing = {.stop_after = stop_after};
    ck_assert_int_eq(ledger_budgets_each(world.ledger, WORLD_PRODUCT, see, &listing, &world.fault),
                     ERR_OK);
    return listing;
}

START_TEST(the_list_says_what_is_drawn_in_this_period)
{
    struct listing none;
    must_set("st-1", 9, SHIFT, 60);
    must_set(ALL, 7, HOUR, 0);
    must_charge(1, 1, 3);
    must_charge(2, 4, 1);
    struct listing now = list(-1);
    ck_assert_int_eq(now.count, 2);
    ck_assert_str_eq(now.budgets[0].station, "");
    ck_assert_int_eq(now.budgets[0].units, 7);
    ck_assert_int_eq(now.budgets[0].used, 4);
    ck_assert_str_eq(now.budgets[1].station, "st-1");
    ck_assert_int_eq(now.budgets[1].used, 3);
    ck_assert_uint_eq(now.budgets[1].period_minutes, SHIFT);
    ck_assert_uint_eq(now.budgets[1].offset_minutes, 60);
    set_clock_stop(AT(60));
    ck_assert_int_eq(list(-1).budgets[0].used, 0);
    ck_assert_int_eq(list(-1).budgets[1].used, 0);
    ck_assert_int_eq(list(1).count, 1);
    ck_assert_int_eq(ledger_budgets_each(world.ledger, "none", see, &none, &world.fault),
                     ERR_PRODUCT_UNKNOWN);
}
END_TEST

/* ---- at once ---- */

struct request {
    int64_t device;
    enum error code;
};

static struct request requests[THREADS];

static void *send(void *argument)
{
    struct request *request = argument;
    struct ledger_issued issued;
    request->code = world_issue(&world, request->device, &issued);
    return NULL;
}

START_TEST(a_race_draws_the_share_and_no_more)
{
    pthread_t threads[THREADS];
    int charged = 0;
    must_set("st-1", 17, HOUR, 0);
    for (int i = 0; i < THREADS; i++) {
        requests[i].device = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send, &requests[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert(requests[i].code == ERR_OK || requests[i].code == ERR_BUDGET_SPENT);
        charged += requests[i].code == ERR_OK;
    }
    ck_assert_int_eq(charged, 17);
    ck_assert_int_eq(list(-1).budgets[0].used, 17);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("budgets");
    TCase *tcase = tcase_create("budgets");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_station_gets_its_share_and_no_more);
    tcase_add_test(tcase, a_product_gives_its_share_to_all_stations_together);
    tcase_add_test(tcase, both_shares_bind_and_both_are_drawn);
    tcase_add_test(tcase, a_share_widens_no_quota);
    tcase_add_test(tcase, a_share_of_nothing_stops_new_devices);
    tcase_add_test(tcase, what_takes_no_unit_draws_no_share_and_needs_none);
    tcase_add_test(tcase, a_new_period_begins_on_its_minute);
    tcase_add_test(tcase, a_spent_share_says_when_the_next_period_begins);
    tcase_add_test(tcase, shifts_begin_at_their_offset);
    tcase_add_test(tcase, periods_begin_at_their_offset_in_1970_too);
    tcase_add_test(tcase, nothing_is_carried_over);
    tcase_add_test(tcase, a_restart_forgets_no_share);
    tcase_add_test(tcase, a_share_set_again_keeps_what_was_drawn);
    tcase_add_test(tcase, a_share_that_is_taken_away_binds_no_more);
    tcase_add_test(tcase, a_leaf_tells_of_each_real_change);
    tcase_add_test(tcase, a_share_outside_the_limits_is_refused);
    tcase_add_test(tcase, the_list_says_what_is_drawn_in_this_period);
    tcase_add_test(tcase, a_race_draws_the_share_and_no_more);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
