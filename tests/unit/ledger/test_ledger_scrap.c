/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The scrap allowance: a dead board gives one unit back out of it, once, in the same moment. */
#include <pthread.h>
#include <string.h>

#include "world.h"

#define QUOTA   4
#define THREADS 48

static struct world world;

static void setup(void)
{
    world_make(&world, QUOTA);
}

static void teardown(void)
{
    const struct ledger_usage usage = world_usage(&world);
    ck_assert_int_eq(usage.granted, usage.accepted - usage.revoked + usage.scrap_drawn);
    ck_assert_int_eq(usage.granted, usage.remaining + usage.charged);
    world_check_account(&world);
    world_end(&world);
}

static int64_t allow(int64_t units)
{
    int64_t allowance = 0;
    ck_assert_int_eq(
        ledger_scrap_add(world.ledger, WORLD_PRODUCT, units, WORLD_BY, &allowance, &world.fault),
        ERR_OK);
    return allowance;
}

static struct uuid install(int64_t n)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
    return issued.install;
}

static struct ledger_recorded scrap(const struct uuid *id)
{
    struct ledger_recorded recorded = {0};
    const struct ledger_outcome outcome = {
        .install = *id, .principal_id = world.station_id, .result = LEDGER_SCRAPPED};
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &outcome, &recorded, &world.fault),
                     ERR_OK);
    ck_assert(recorded.is_scrapped);
    return recorded;
}

static void assert_leaves(int64_t drawn, int64_t not_drawn)
{
    ck_assert_int_eq(world_leaves_with(&world, "\"scrap_drawn\":true"), drawn);
    ck_assert_int_eq(world_leaves_with(&world, "\"scrap_drawn\":false"), not_drawn);
}

START_TEST(a_scrapped_device_gives_its_unit_back_out_of_the_allowance)
{
    struct ledger_issued issued;
    ck_assert_int_eq(allow(2), 2);
    const struct uuid dead = install(1);
    for (int64_t n = 2; n <= QUOTA; n++)
        (void)install(n);
    ck_assert_int_eq(world_issue(&world, 9, &issued), ERR_QUOTA_SPENT);
    ck_assert(scrap(&dead).is_scrap_drawn);
    struct ledger_usage usage = world_usage(&world);
    ck_assert_int_eq(usage.scrap_allowance, 2);
    ck_assert_int_eq(usage.scrap_drawn, 1);
    ck_assert_int_eq(usage.granted, QUOTA + 1);
    ck_assert_int_eq(usage.charged, QUOTA);
    ck_assert_int_eq(usage.scrapped, 1);
    (void)install(9);
    ck_assert_int_eq(world_issue(&world, 10, &issued), ERR_QUOTA_SPENT);
    assert_leaves(1, 0);
}
END_TEST

START_TEST(without_allowance_a_scrapped_device_is_recorded_all_the_same)
{
    const struct uuid dead = install(1);
    struct ledger_recorded recorded = scrap(&dead);
    ck_assert(!recorded.is_scrap_drawn);
    ck_assert_int_eq(recorded.attempt, 1);
    ck_assert_int_eq(world_usage(&world).scrapped, 1);
    ck_assert_int_eq(world_usage(&world).granted, QUOTA);
    assert_leaves(0, 1);
}
END_TEST

START_TEST(a_spent_allowance_draws_no_more)
{
    const struct uuid first = install(1);
    const struct uuid second = install(2);
    (void)allow(1);
    ck_assert(scrap(&first).is_scrap_drawn);
    ck_assert(!scrap(&second).is_scrap_drawn);
    ck_assert_int_eq(world_usage(&world).scrap_drawn, 1);
    ck_assert_int_eq(world_usage(&world).scrapped, 2);
    assert_leaves(1, 1);
}
END_TEST

/* Again, by another install and with another code: the device has had its unit. */
START_TEST(a_device_draws_one_unit_however_often_it_is_reported)
{
    struct ledger_issued issued;
    const struct ledger_device device = world_device(1);
    int64_t image = world_add_image(&world, 2);
    (void)allow(5);
    const struct uuid first = install(1);
    ck_assert_int_eq(world_issue_image(&world, &device, image, &issued), ERR_OK);
    ck_assert(scrap(&first).is_scrap_drawn);
    ck_assert(scrap(&first).is_scrap_drawn); /* the same again: it says what was drawn */
    assert_leaves(1, 0);
    ck_assert(scrap(&issued.install).is_scrap_drawn);
    assert_leaves(1, 1);
    const struct ledger_outcome other = {.install = first,
                                         .principal_id = world.station_id,
                                         .result = LEDGER_SCRAPPED,
                                         .code = "E42"};
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &other, NULL, &world.fault), ERR_OK);
    assert_leaves(1, 2);
    ck_assert_int_eq(world_usage(&world).scrap_drawn, 1);
    ck_assert_int_eq(world_usage(&world).scrapped, 1);
}
END_TEST

START_TEST(an_allowance_that_comes_later_is_for_later_devices)
{
    const struct uuid first = install(1);
    const struct uuid second = install(2);
    ck_assert(!scrap(&first).is_scrap_drawn);
    (void)allow(5);
    const struct ledger_outcome again = {.install = first,
                                         .principal_id = world.station_id,
                                         .result = LEDGER_SCRAPPED,
                                         .detail = "again"};
    struct ledger_recorded recorded;
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &again, &recorded, &world.fault), ERR_OK);
    ck_assert(!recorded.is_scrap_drawn);
    ck_assert(scrap(&second).is_scrap_drawn);
    ck_assert_int_eq(world_usage(&world).scrap_drawn, 1);
}
END_TEST

START_TEST(other_outcomes_draw_nothing)
{
    struct ledger_recorded recorded;
    const struct uuid id = install(1);
    (void)allow(5);
    for (int result = LEDGER_SUCCEEDED; result <= LEDGER_FAILED; result++) {
        const struct ledger_outcome outcome = {
            .install = id, .principal_id = world.station_id, .result = (enum ledger_result)result};
        ck_assert_int_eq(ledger_outcome_record(world.ledger, &outcome, &recorded, &world.fault),
                         ERR_OK);
        ck_assert(!recorded.is_scrapped && !recorded.is_scrap_drawn);
    }
    ck_assert_int_eq(world_usage(&world).scrap_drawn, 0);
    ck_assert_int_eq(world_leaves_with(&world, "scrap_drawn"), 0);
}
END_TEST

START_TEST(a_refused_report_draws_nothing)
{
    const struct uuid id = install(1);
    (void)allow(5);
    ck_assert_int_eq(world_switch(&world, "st-1", false), ERR_OK);
    ck_assert_int_eq(world_report(&world, &id, LEDGER_SCRAPPED), ERR_FORBIDDEN);
    ck_assert_int_eq(world_usage(&world).scrap_drawn, 0);
    ck_assert_int_eq(world_usage(&world).scrapped, 0);
}
END_TEST

/* ---- the allowance ---- */

START_TEST(an_allowance_grows_by_whole_units_up_to_its_limit)
{
    int64_t allowance = 0;
    struct ledger *ledger = world.ledger;
    struct fault *fault = &world.fault;
    static const int64_t WRONG[] = {0, -1, LEDGER_QUOTA_MAX + 1, LEDGER_QUOTA_MAX - 4};
    ck_assert_int_eq(allow(2), 2);
    ck_assert_int_eq(allow(3), 5);
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++)
        ck_assert_int_eq(
            ledger_scrap_add(ledger, WORLD_PRODUCT, WRONG[i], WORLD_BY, &allowance, fault),
            ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_scrap_add(ledger, "none", 1, WORLD_BY, &allowance, fault),
                     ERR_PRODUCT_UNKNOWN);
    ck_assert_int_eq(ledger_scrap_add(ledger, WORLD_PRODUCT, 1, "", &allowance, fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(allow(LEDGER_QUOTA_MAX - 5), LEDGER_QUOTA_MAX);
    ck_assert_int_eq(world_usage(&world).granted, QUOTA);
}
END_TEST

START_TEST(a_leaf_tells_of_each_addition)
{
    (void)allow(2);
    (void)allow(3);
    ck_assert_int_eq(world_leaves_with(&world, "{\"allowance\":5,\"by\":\"uid:0\",\"product\":"
                                               "\"widget\",\"time\":"),
                     1);
    ck_assert_int_eq(
        world_leaves_with(&world, "\"type\":\"scrap-allowance-added\",\"units\":3,\"v\":1}"), 1);
}
END_TEST

/* ---- at once ---- */

struct report {
    struct uuid install;
    struct ledger_recorded recorded;
};

static struct report reports[THREADS];

static void *send(void *argument)
{
    struct report *report = argument;
    report->recorded = scrap(&report->install);
    return NULL;
}

/* Each device twice at once. */
START_TEST(a_race_draws_each_unit_of_the_allowance_once)
{
    pthread_t threads[THREADS];
    int64_t quota = 0;
    int drawn = 0;
    ck_assert_int_eq(
        ledger_quota_add(world.ledger, WORLD_PRODUCT, 100, WORLD_BY, &quota, &world.fault), 0);
    (void)allow(11);
    for (int i = 0; i < THREADS; i++)
        reports[i].install = i < THREADS / 2 ? install(i) : reports[i - THREADS / 2].install;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send, &reports[i]), 0);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS / 2; i++) {
        ck_assert_int_eq(reports[i].recorded.is_scrap_drawn,
                         reports[i + THREADS / 2].recorded.is_scrap_drawn);
        drawn += reports[i].recorded.is_scrap_drawn;
    }
    ck_assert_int_eq(drawn, 11);
    ck_assert_int_eq(world_usage(&world).scrap_drawn, 11);
    ck_assert_int_eq(world_usage(&world).scrapped, THREADS / 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scrap");
    TCase *tcase = tcase_create("scrap");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_scrapped_device_gives_its_unit_back_out_of_the_allowance);
    tcase_add_test(tcase, without_allowance_a_scrapped_device_is_recorded_all_the_same);
    tcase_add_test(tcase, a_spent_allowance_draws_no_more);
    tcase_add_test(tcase, a_device_draws_one_unit_however_often_it_is_reported);
    tcase_add_test(tcase, an_allowance_that_comes_later_is_for_later_devices);
    tcase_add_test(tcase, other_outcomes_draw_nothing);
    tcase_add_test(tcase, a_refused_report_draws_nothing);
    tcase_add_test(tcase, an_allowance_grows_by_whole_units_up_to_its_limit);
    tcase_add_test(tcase, a_leaf_tells_of_each_addition);
    tcase_add_test(tcase, a_race_draws_each_unit_of_the_allowance_once);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
