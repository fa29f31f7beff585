/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The buckets of callers, with a clock of the test's own. */
#include <string.h>

#include "api/rate.h"
#include "edge_suites.h"

#define SECOND_US  1000000LL
#define START_US   (1000 * SECOND_US)
#define PER_SECOND 10
#define BURST      20
#define UNDER_WAY  4
#define CALLERS    100000

static struct rate *rate;
static struct fault fault;
static struct rate_refusal refusal;
static struct sha256 entered;

static void start(void)
{
    const struct rate_options options = {
        .requests_per_second = PER_SECOND, .burst = BURST, .under_way_max = UNDER_WAY};
    ck_assert_int_eq(rate_new(&options, &rate), ERR_OK);
    memset(&fault, 0, sizeof fault);
    memset(&refusal, 0, sizeof refusal);
}

static void stop(void)
{
    rate_free(rate);
}

static struct sha256 caller_of(unsigned number)
{
    return sha256_of(bytes_of(&number, sizeof number));
}

/* How many of count requests, one after the other at that time, are taken. */
static unsigned send(unsigned number, unsigned count, int64_t now_us)
{
    struct sha256 caller = caller_of(number);
    unsigned taken = 0;
    for (unsigned i = 0; i < count; i++) {
        if (rate_enter(rate, &caller, now_us, &entered, &refusal, &fault) != ERR_OK)
            continue;
        rate_leave(rate, &entered);
        taken++;
    }
    return taken;
}

START_TEST(a_caller_may_send_a_burst_and_then_its_rate)
{
    ck_assert_uint_eq(send(1, 100, START_US), BURST);
    ck_assert_int_eq(fault.code, ERR_RATE_LIMITED);
    ck_assert_str_eq(fault.reason, "rate-limited");
    ck_assert_uint_eq(refusal.retry_after_s, 1);
    ck_assert_uint_eq(send(1, 100, START_US + SECOND_US), PER_SECOND);
    ck_assert_uint_eq(send(1, 100, START_US + SECOND_US + SECOND_US / 2), PER_SECOND / 2);
    ck_assert_uint_eq(send(1, 100, START_US + 60 * SECOND_US), BURST);
}
END_TEST

START_TEST(a_caller_that_presses_on_is_served_at_its_rate_all_the_same)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < 10000; i++)
        taken += send(1, 10, START_US + i * (SECOND_US / 1000));
    ck_assert_uint_ge(taken, BURST + 10 * PER_SECOND - 1);
    ck_assert_uint_le(taken, BURST + 10 * PER_SECOND);
}
END_TEST

START_TEST(callers_do_not_share_a_bucket)
{
    ck_assert_uint_eq(send(1, 100, START_US), BURST);
    ck_assert_uint_eq(send(2, 100, START_US), BURST);
}
END_TEST

START_TEST(a_clock_that_stands_still_or_goes_back_gives_nothing)
{
    ck_assert_uint_eq(send(1, 100, START_US), BURST);
    ck_assert_uint_eq(send(1, 100, START_US), 0);
    ck_assert_uint_eq(send(1, 100, START_US - SECOND_US), 0);
}
END_TEST

START_TEST(a_batch_takes_as_many_as_it_has)
{
    struct sha256 caller = caller_of(1);
    ck_assert_int_eq(rate_enter(rate, &caller, START_US, &entered, &refusal, &fault), ERR_OK);
    ck_assert_int_eq(rate_take(rate, &caller, BURST - 1, 1, START_US, &refusal, &fault), ERR_OK);
    ck_assert_int_eq(rate_take(rate, &caller, 1, 1, START_US, &refusal, &fault), ERR_RATE_LIMITED);
    rate_leave(rate, &caller);
    ck_assert_uint_eq(send(1, 100, START_US), 0);
}
END_TEST

START_TEST(a_batch_that_pays_in_parts_is_taken_as_one)
{
    struct sha256 caller = caller_of(1);
    ck_assert_int_eq(rate_enter(rate, &caller, START_US, &entered, &refusal, &fault), ERR_OK);
    ck_assert_int_eq(rate_take(rate, &caller, 30, 1, START_US, &refusal, &fault), ERR_OK);
    ck_assert_int_eq(rate_take(rate, &caller, 225, 31, START_US, &refusal, &fault), ERR_OK);
    rate_leave(rate, &caller);
    ck_assert_uint_eq(send(1, 1, START_US), 0);
}
END_TEST

START_TEST(a_batch_larger_than_a_burst_is_taken_when_nothing_is_owed_and_is_owed_then)
{
    struct sha256 caller = caller_of(1);
    ck_assert_uint_eq(send(1, 1, START_US), 1);
    ck_assert_int_eq(rate_enter(rate, &caller, START_US, &entered, &refusal, &fault), ERR_OK);
    ck_assert_int_eq(rate_take(rate, &caller, 255, 1, START_US, &refusal, &fault),
                     ERR_RATE_LIMITED);
    ck_assert_uint_eq(refusal.retry_after_s, 1);
    rate_leave(rate, &caller);
    int64_t later_us = START_US + SECOND_US;
    ck_assert_int_eq(rate_enter(rate, &caller, later_us, &entered, &refusal, &fault), ERR_OK);
    ck_assert_int_eq(rate_take(rate, &caller, 255, 1, later_us, &refusal, &fault), ERR_OK);
    rate_leave(rate, &caller);
    ck_assert_uint_eq(send(1, 100, later_us + 20 * SECOND_US), 0);
    ck_assert_uint_eq(refusal.retry_after_s,
                      4); /* 256 at 10 a second, less a burst of 20, and one more */
    ck_assert_uint_gt(send(1, 100, later_us + 24 * SECOND_US), 0);
}
END_TEST

START_TEST(so_many_are_under_way_and_no_more)
{
    struct sha256 caller = caller_of(1);
    for (unsigned i = 0; i < UNDER_WAY; i++)
        ck_assert_int_eq(rate_enter(rate, &caller, START_US, &entered, &refusal, &fault), ERR_OK);
    ck_assert_int_eq(rate_enter(rate, &caller, START_US, &entered, &refusal, &fault), ERR_BUSY);
    ck_assert_str_eq(fault.reason, "caller-busy");
    rate_leave(rate, &caller);
    ck_assert_int_eq(rate_enter(rate, &caller, START_US, &entered, &refusal, &fault), ERR_OK);
    struct rate_refusals refusals = rate_refusals(rate);
    ck_assert_uint_eq(refusals.busy, 1);
    ck_assert_uint_eq(refusals.limited, 0);
}
END_TEST

START_TEST(a_flood_of_other_callers_gives_nobody_a_new_burst)
{
    unsigned crowded_out = 0;
    ck_assert_uint_eq(send(0, 100, START_US), BURST);
    for (unsigned i = 1; i <= CALLERS; i++)
        crowded_out += send(i, 1, START_US) == 0;
    ck_assert_uint_gt(crowded_out, 0); /* the table is bounded */
    ck_assert_uint_eq(send(0, 100, START_US), 0);
    ck_assert_uint_eq(send(0, 100, START_US + SECOND_US), PER_SECOND);
    /* Who owes nothing gives its place away. */
    ck_assert_uint_eq(send(CALLERS + 1, 1, START_US + 60 * SECOND_US), 1);
}
END_TEST

/* ---- whose keys they are ---- */

#define PRINCIPAL 1000

static void learn(unsigned key, unsigned principal)
{
    const struct sha256 digest = caller_of(key);
    const struct sha256 whose = caller_of(principal);
    rate_learn(rate, &digest, &whose, START_US);
}

START_TEST(keys_of_one_principal_share_its_bucket)
{
    for (unsigned key = 1; key <= 4; key++)
        learn(key, PRINCIPAL);
    ck_assert_uint_eq(send(1, BURST / 2, START_US), BURST / 2);
    ck_assert_uint_eq(send(2, 100, START_US), BURST / 2);
    ck_assert_uint_eq(send(3, 100, START_US), 0);
    ck_assert_uint_eq(send(4, 100, START_US + SECOND_US), PER_SECOND);
    ck_assert_uint_eq(send(5, 100, START_US), BURST); /* somebody else's */
}
END_TEST

START_TEST(what_keys_owed_before_their_principal_owes)
{
    ck_assert_uint_eq(send(1, BURST / 2, START_US), BURST / 2);
    ck_assert_uint_eq(send(2, BURST / 2, START_US), BURST / 2);
    learn(1, PRINCIPAL);
    learn(2, PRINCIPAL);
    learn(2, PRINCIPAL); /* said with each answer: counts once */
    ck_assert_uint_eq(send(1, 100, START_US), 0);
    ck_assert_uint_eq(send(2, 100, START_US + SECOND_US), PER_SECOND);
}
END_TEST

START_TEST(keys_of_one_principal_share_what_is_under_way)
{
    struct sha256 keys[2] = {caller_of(1), caller_of(2)};
    struct sha256 alone;
    ck_assert_int_eq(rate_enter(rate, &keys[0], START_US, &alone, &refusal, &fault), ERR_OK);
    ck_assert(sha256_equal(&alone, &keys[0]));
    learn(1, PRINCIPAL); /* while one is under way, which leaves as what it came */
    learn(2, PRINCIPAL);
    for (unsigned i = 0; i < UNDER_WAY; i++)
        ck_assert_int_eq(rate_enter(rate, &keys[i % 2], START_US, &entered, &refusal, &fault),
                         ERR_OK);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(rate_enter(rate, &keys[i], START_US, &entered, &refusal, &fault),
                         ERR_BUSY);
    rate_leave(rate, &alone);
    ck_assert_int_eq(rate_enter(rate, &keys[0], START_US, &entered, &refusal, &fault), ERR_BUSY);
    rate_leave(rate, &entered);
    ck_assert_int_eq(rate_enter(rate, &keys[1], START_US, &entered, &refusal, &fault), ERR_OK);
}
END_TEST

START_TEST(key_that_moves_to_another_principal_counts_there)
{
    const struct sha256 key = caller_of(1);
    learn(1, PRINCIPAL);
    ck_assert_uint_eq(send(1, 100, START_US), BURST);
    learn(1, PRINCIPAL + 1);
    ck_assert_uint_eq(send(1, 100, START_US), BURST);
    rate_learn(rate, &key, NULL, START_US); /* nobody's: it is alone */
    ck_assert_uint_eq(send(1, 100, START_US), BURST);
    ck_assert(sha256_equal(&entered, &key));
    learn(1, PRINCIPAL);
    ck_assert_uint_eq(send(1, 100, START_US), 0);
}
END_TEST

START_TEST(whose_a_key_is_outlives_callers_that_owe_nothing)
{
    learn(0, PRINCIPAL);
    for (unsigned i = 1; i <= CALLERS / 10; i++)
        (void)send(i + PRINCIPAL, 1, START_US + i * SECOND_US);
    (void)send(0, 1, START_US + CALLERS * SECOND_US);
    const struct sha256 principal = caller_of(PRINCIPAL);
    ck_assert(sha256_equal(&entered, &principal));
}
END_TEST

START_TEST(the_first_refusal_of_a_second_is_news)
{
    ck_assert_uint_eq(send(1, BURST + 1, START_US), BURST);
    ck_assert(!refusal.is_repeated);
    ck_assert_uint_eq(send(1, 1, START_US), 0);
    ck_assert(refusal.is_repeated);
    ck_assert_uint_eq(send(2, BURST + 1, START_US), BURST);
    ck_assert(!refusal.is_repeated);
    ck_assert_uint_eq(send(1, PER_SECOND + 1, START_US + SECOND_US), PER_SECOND);
    ck_assert(!refusal.is_repeated);
}
END_TEST

Suite *rate_suite(void)
{
    Suite *suite = suite_create("api/rate");
    TCase *tcase = tcase_create("rate");
    tcase_add_checked_fixture(tcase, start, stop);
    tcase_add_test(tcase, a_caller_may_send_a_burst_and_then_its_rate);
    tcase_add_test(tcase, a_caller_that_presses_on_is_served_at_its_rate_all_the_same);
    tcase_add_test(tcase, callers_do_not_share_a_bucket);
    tcase_add_test(tcase, a_clock_that_stands_still_or_goes_back_gives_nothing);
    tcase_add_test(tcase, a_batch_that_pays_in_parts_is_taken_as_one);
    tcase_add_test(tcase, a_batch_takes_as_many_as_it_has);
    tcase_add_test(tcase,
                   a_batch_larger_than_a_burst_is_taken_when_nothing_is_owed_and_is_owed_then);
    tcase_add_test(tcase, the_first_refusal_of_a_second_is_news);
    tcase_add_test(tcase, so_many_are_under_way_and_no_more);
    tcase_add_test(tcase, keys_of_one_principal_share_its_bucket);
    tcase_add_test(tcase, what_keys_owed_before_their_principal_owes);
    tcase_add_test(tcase, keys_of_one_principal_share_what_is_under_way);
    tcase_add_test(tcase, key_that_moves_to_another_principal_counts_there);
    tcase_add_test(tcase, whose_a_key_is_outlives_callers_that_owe_nothing);
    tcase_add_test(tcase, a_flood_of_other_callers_gives_nobody_a_new_burst);
    suite_add_tcase(suite, tcase);
    return suite;
}
