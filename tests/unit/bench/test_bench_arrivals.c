/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* When the requests of an open loop come. */
#include "bench/arrivals.h"

#include <stdlib.h>

#include "support/run.h"

#define COUNT 20000
#define RATE  500.0

static int64_t *arrivals;

static void setup(void)
{
    arrivals = arrivals_make(COUNT, RATE);
}

static void teardown(void)
{
    free(arrivals);
}

START_TEST(they_come_in_order_at_the_rate_that_was_asked_for)
{
    for (size_t i = 1; i < COUNT; i++)
        ck_assert_int_le(arrivals[i - 1], arrivals[i]);
    double rate = COUNT * 1e6 / (double)arrivals[COUNT - 1];
    ck_assert_double_eq_tol(rate, RATE, RATE * 0.03);
}
END_TEST

/* Of exponential gaps 63.2 % are shorter than the mean; of equal ones none is. */
START_TEST(they_come_at_random)
{
    size_t shorter = 0;
    for (size_t i = 1; i < COUNT; i++)
        shorter += (double)(arrivals[i] - arrivals[i - 1]) < 1e6 / RATE;
    ck_assert_double_eq_tol((double)shorter / COUNT, 0.632, 0.02);
}
END_TEST

START_TEST(they_are_the_same_in_each_run)
{
    int64_t *again = arrivals_make(COUNT, RATE);
    ck_assert_mem_eq(arrivals, again, COUNT * sizeof *again);
    free(again);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {they_come_in_order_at_the_rate_that_was_asked_for, they_come_at_random,
                            they_are_the_same_in_each_run, NULL};
    return run_suite(&(struct run_case){.name = "arrivals",
                                        .set_up = setup,
                                        .tear_down = teardown,
                                        .timeout_s = 4,
                                        .tests = tests});
}
