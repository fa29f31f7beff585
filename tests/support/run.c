/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Runs one suite of check tests. */
#include "support/run.h"

#include <stdlib.h>

int run_suite(const struct run_case *run_case)
{
    Suite *suite = suite_create(run_case->name);
    TCase *tests = tcase_create(run_case->name);
    tcase_add_checked_fixture(tests, run_case->set_up, run_case->tear_down);
    tcase_set_timeout(tests, run_case->timeout_s);
    for (size_t i = 0; run_case->tests[i] != NULL; i++)
        tcase_add_test(tests, run_case->tests[i]);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
