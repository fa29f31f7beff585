/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Percentiles of durations. */
#include "bench/samples.h"
#include "support/run.h"

static struct samples samples;

static void teardown(void)
{
    samples_clear(&samples);
}

/* 1 to count, the largest first. */
static void add(int64_t count)
{
    for (int64_t i = count; i > 0; i--)
        samples_add(&samples, i);
}

START_TEST(a_percentile_is_the_smallest_that_so_many_do_not_exceed)
{
    add(100);
    ck_assert_int_eq(samples_percentile(&samples, 50), 50);
    ck_assert_int_eq(samples_percentile(&samples, 99), 99);
    ck_assert_int_eq(samples_percentile(&samples, 99.5), 100);
    ck_assert_int_eq(samples_percentile(&samples, 100), 100);
}
END_TEST

START_TEST(a_percentile_of_few_is_one_of_them)
{
    add(3);
    ck_assert_int_eq(samples_percentile(&samples, 0), 1);
    ck_assert_int_eq(samples_percentile(&samples, 50), 2);
    ck_assert_int_eq(samples_percentile(&samples, 99), 3);
}
END_TEST

START_TEST(a_percentile_of_none_is_zero)
{
    ck_assert_int_eq(samples_percentile(&samples, 99), 0);
}
END_TEST

START_TEST(more_may_come_after_a_percentile_was_asked_for)
{
    add(10);
    ck_assert_int_eq(samples_percentile(&samples, 100), 10);
    samples_add(&samples, 5000);
    samples_add(&samples, 0);
    ck_assert_int_eq(samples_percentile(&samples, 100), 5000);
    ck_assert_int_eq(samples_percentile(&samples, 0), 0);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {a_percentile_is_the_smallest_that_so_many_do_not_exceed,
                            a_percentile_of_few_is_one_of_them, a_percentile_of_none_is_zero,
                            more_may_come_after_a_percentile_was_asked_for, NULL};
    return run_suite(&(struct run_case){
        .name = "samples", .tear_down = teardown, .timeout_s = 4, .tests = tests});
}
