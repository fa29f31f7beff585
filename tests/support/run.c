/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Runs one suite of check tests, and ends what a failed test left running. */
#include "support/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Programs of a test that failed half-way have become our children. */
static void end_orphans(void)
{
    char path[64];
    long pid = 0;
    (void)snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    FILE *children = fopen(path, "re");
    while (children != NULL && fscanf(children, "%ld", &pid) == 1)
        (void)kill((pid_t)pid, SIGKILL);
    if (children != NULL)
        (void)fclose(children);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

int run_suite(const struct run_case *run_case)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
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
    end_orphans();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
