/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Timestamps and deadlines. */
#include <limits.h>
#include <string.h>

#include <check.h>

#include "core/clock.h"

START_TEST(timestamps_are_rfc_3339_in_utc)
{
    static const struct {
        int64_t unix_ms;
        const char *text;
    } known[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {1, "1970-01-01T00:00:00.001Z"},
                 {1700000000123, "2023-11-14T22:13:20.123Z"},
                 {951782400999, "2000-02-29T00:00:00.999Z"},
                 {253402300799999, "9999-12-31T23:59:59.999Z"},
                 {-1, "1969-12-31T23:59:59.999Z"},
                 {-1000, "1969-12-31T23:59:59.000Z"}};
    char text[TIMESTAMP_SIZE];
    timestamp_format(known[_i].unix_ms, text);
    ck_assert_str_eq(text, known[_i].text);
}
END_TEST

START_TEST(absurd_times_stay_in_their_buffer)
{
    static const int64_t absurd[] = {INT64_MAX, INT64_MIN, 253402300800000};
    char text[TIMESTAMP_SIZE + 8];
    memset(text, '#', sizeof text);
    timestamp_format(absurd[_i], text);
    ck_assert_ptr_nonnull(memchr(text, '\0', TIMESTAMP_SIZE));
    ck_assert_int_eq(text[TIMESTAMP_SIZE], '#');
}
END_TEST

START_TEST(timestamps_read_back_as_they_were)
{
    static const int64_t times[] = {0, 1, 999, 951782400999, 1700000000123, 253402300799999};
    char text[TIMESTAMP_SIZE];
    int64_t got = -1;
    timestamp_format(times[_i], text);
    ck_assert(timestamp_parse(text, &got));
    ck_assert_int_eq(got, times[_i]);
    strcpy(text + 19, "Z"); /* without milliseconds */
    ck_assert(timestamp_parse(text, &got));
    ck_assert_int_eq(got, times[_i] / 1000 * 1000);
}
END_TEST

/* No byte of it may be another one but a digit, and no part may be missing. */
START_TEST(only_one_form_is_a_timestamp)
{
    static const char form[] = "2026-11-27T10:20:30.456Z";
    char text[TIMESTAMP_SIZE];
    int64_t got = 77;
    for (size_t i = 0; i < sizeof form - 1; i++) {
        for (int c = 0; c < 256; c++) {
            memcpy(text, form, sizeof form);
            text[i] = (char)c;
            bool is_digit = c >= '0' && c <= '9' && form[i] >= '0' && form[i] <= '9';
            ck_assert(text[i] == form[i] || is_digit || !timestamp_parse(text, &got));
        }
        memcpy(text, form, sizeof form);
        memmove(text + i, text + i + 1, sizeof form - i - 1);
        ck_assert(!timestamp_parse(text, &got));
    }
    ck_assert_int_eq(got, 77);
}
END_TEST

START_TEST(days_and_hours_that_do_not_exist_are_no_timestamps)
{
    static const char *const texts[] = {
        "2026-02-29T00:00:00Z",  "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",  "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",  "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",  "2026-01-01T00:00:60Z",
        "1969-12-31T23:59:59Z",  "0000-01-01T00:00:00Z",
        "2026-01-01T00:00:00z",  "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00Z ", "",
    };
    int64_t got = 77;
    ck_assert_msg(!timestamp_parse(texts[_i], &got), "%s", texts[_i]);
    ck_assert_int_eq(got, 77);
}
END_TEST

START_TEST(deadline_that_has_passed_leaves_nothing)
{
    ck_assert_int_eq(deadline_left_ms(deadline_in(0)), 0);
    ck_assert_int_eq(deadline_left_ms(deadline_in(-1000)), 0);
    ck_assert_int_eq(deadline_left_ms(0), 0);
}
END_TEST

START_TEST(far_deadline_fits_poll)
{
    int left = deadline_left_ms(deadline_in(3600000));
    ck_assert_int_gt(left, 0);
    ck_assert_int_le(left, 3600000);
    ck_assert_int_eq(deadline_left_ms(INT64_MAX), INT_MAX);
}
END_TEST

START_TEST(deadline_is_the_same_point_for_condition_variables)
{
    struct timespec until = deadline_timespec(1234567);
    ck_assert_int_eq(until.tv_sec, 1234);
    ck_assert_int_eq(until.tv_nsec, 567000000);
}
END_TEST

START_TEST(clocks_do_not_run_backwards)
{
    int64_t us = clock_monotonic_us();
    int64_t ms = clock_monotonic_ms();
    ck_assert_int_ge(ms, us / 1000);
    ck_assert_int_ge(clock_monotonic_us(), us);
    ck_assert_int_gt(clock_unix_ms(), 1700000000000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core clock");
    TCase *all = tcase_create("clock");
    tcase_add_loop_test(all, timestamps_are_rfc_3339_in_utc, 0, 7);
    tcase_add_loop_test(all, absurd_times_stay_in_their_buffer, 0, 3);
    tcase_add_loop_test(all, timestamps_read_back_as_they_were, 0, 6);
    tcase_add_test(all, only_one_form_is_a_timestamp);
    tcase_add_loop_test(all, days_and_hours_that_do_not_exist_are_no_timestamps, 0, 14);
    tcase_add_test(all, deadline_that_has_passed_leaves_nothing);
    tcase_add_test(all, far_deadline_fits_poll);
    tcase_add_test(all, deadline_is_the_same_point_for_condition_variables);
    tcase_add_test(all, clocks_do_not_run_backwards);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
