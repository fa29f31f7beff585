/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One suite with one test case. */
#include "suite.h"

#include <stdlib.h>

#define TIMEOUT_S 120

int suite_run(const char *name, void (*set_up)(void), void (*tear_down)(void),
              const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *test_case = tcase_create(name);
    tcase_add_checked_fixture(test_case, set_up, tear_down);
    tcase_set_timeout(test_case, TIMEOUT_S);
    for (size_t i = 0; tests[i] != NULL; i++)
        tcase_add_test(test_case, tests[i]);
    suite_add_tcase(suite, test_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
