/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The parts of the front end that are pure functions. */
#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(body_suite());
    srunner_add_suite(runner, range_suite());
    srunner_add_suite(runner, route_suite());
    srunner_add_suite(runner, problem_suite());
    srunner_add_suite(runner, multipart_suite());
    srunner_add_suite(runner, cursor_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
