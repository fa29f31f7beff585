/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Durations fall into the bucket whose bound they do not exceed. */
#include "core/histogram.h"

#include <pthread.h>
#include <stdint.h>

#include <check.h>

#define THREADS 4
#define PER_ONE 50000

static struct histogram histogram;
static struct histogram_counts counts;

static void expect_only(size_t bucket, uint64_t sum_us)
{
    histogram_read(&histogram, &counts);
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        ck_assert_uint_eq(counts.counts[i], i == bucket);
    ck_assert_uint_eq(counts.sum_us, sum_us);
}

START_TEST(bounds_grow)
{
    for (size_t i = 1; i < HISTOGRAM_BOUNDS; i++)
        ck_assert_int_gt(HISTOGRAM_BOUNDS_US[i], HISTOGRAM_BOUNDS_US[i - 1]);
}
END_TEST

START_TEST(bound_belongs_to_its_bucket)
{
    histogram_note(&histogram, HISTOGRAM_BOUNDS_US[_i]);
    expect_only((size_t)_i, (uint64_t)HISTOGRAM_BOUNDS_US[_i]);
}
END_TEST

START_TEST(more_than_a_bound_belongs_to_the_next_bucket)
{
    histogram_note(&histogram, HISTOGRAM_BOUNDS_US[_i] + 1);
    expect_only((size_t)_i + 1, (uint64_t)HISTOGRAM_BOUNDS_US[_i] + 1);
}
END_TEST

START_TEST(extremes_have_their_buckets)
{
    histogram_note(&histogram, -5); /* a clock that was set */
    expect_only(0, 0);
    histogram_note(&histogram, INT64_MAX);
    histogram_read(&histogram, &counts);
    ck_assert_uint_eq(counts.counts[HISTOGRAM_BOUNDS], 1);
}
END_TEST

static void *note_many(void *argument)
{
    for (int64_t i = 0; i < PER_ONE; i++)
        histogram_note(&histogram, i);
    return argument;
}

START_TEST(no_note_is_lost_between_threads)
{
    pthread_t threads[THREADS];
    uint64_t total = 0;
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, note_many, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    histogram_read(&histogram, &counts);
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        total += counts.counts[i];
    ck_assert_uint_eq(total, (uint64_t)THREADS * PER_ONE);
    ck_assert_uint_eq(counts.sum_us, (uint64_t)THREADS * PER_ONE * (PER_ONE - 1) / 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("histogram");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, bounds_grow);
    tcase_add_loop_test(tests, bound_belongs_to_its_bucket, 0, HISTOGRAM_BOUNDS);
    tcase_add_loop_test(tests, more_than_a_bound_belongs_to_the_next_bucket, 0, HISTOGRAM_BOUNDS);
    tcase_add_test(tests, extremes_have_their_buckets);
    tcase_add_test(tests, no_note_is_lost_between_threads);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
