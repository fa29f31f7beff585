/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A start that works is given more time, one that hangs is not. */
#include <stdlib.h>

#include <check.h>

#include "core/log.h"
#include "daemon/start_watch.h"
#include "support/manager.h"

#define PACE_MS   INT64_C(100)
#define HEARD_MS  20000
#define SILENT_MS (5 * PACE_MS)

static struct manager manager;
static struct start_watch watch;

static void setup(void)
{
    struct fault fault;
    log_init("test", LOG_LEVEL_INFO);
    manager_open(&manager, 0);
    ck_assert_int_eq(start_watch_begin(&watch, PACE_MS, &fault), ERR_OK);
    /* The first look finds what the program did before. */
    ck_assert(manager_hears(&manager, "EXTEND_TIMEOUT_USEC=", HEARD_MS));
}

static void teardown(void)
{
    start_watch_end(&watch);
    manager_close(&manager);
}

/* More than a look takes for granted. */
static void work(void)
{
    const int64_t until_ms = clock_monotonic_ms() + 2 * PACE_MS;
    while (clock_monotonic_ms() < until_ms)
        continue;
}

START_TEST(start_that_works_asks_for_more_time_again_and_again)
{
    for (int i = 0; i < 3; i++) {
        manager_forget(&manager);
        work();
        ck_assert(manager_hears(&manager, "EXTEND_TIMEOUT_USEC=", HEARD_MS));
    }
}
END_TEST

START_TEST(start_that_hangs_asks_for_no_time)
{
    (void)manager_hears(&manager, "nothing", SILENT_MS); /* what was done until now is seen */
    ck_assert(!manager_hears(&manager, "EXTEND_TIMEOUT_USEC=", SILENT_MS));
}
END_TEST

START_TEST(end_is_the_end)
{
    start_watch_end(&watch);
    start_watch_end(&watch);
    manager_forget(&manager);
    work();
    ck_assert(!manager_hears(&manager, "EXTEND_TIMEOUT_USEC=", SILENT_MS));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon/start_watch");
    TCase *tcase = tcase_create("start_watch");
    SRunner *runner = srunner_create(suite);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, start_that_works_asks_for_more_time_again_and_again);
    tcase_add_test(tcase, start_that_hangs_asks_for_no_time);
    tcase_add_test(tcase, end_is_the_end);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
