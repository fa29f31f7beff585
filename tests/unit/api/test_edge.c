/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The main of the tests of the edge: limits, who may come in, what is counted. */
#include "edge_suites.h"

#include <signal.h>

#include <curl/curl.h>

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as daemon_start does */
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    SRunner *runner = srunner_create(slow_suite());
    srunner_add_suite(runner, lobby_suite());
    srunner_add_suite(runner, bounds_suite());
    srunner_add_suite(runner, rate_suite());
    srunner_add_suite(runner, metered_suite());
    srunner_add_suite(runner, reload_suite());
    srunner_add_suite(runner, revoked_suite());
    srunner_add_suite(runner, metrics_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    curl_global_cleanup();
    return failed == 0 ? 0 : 1;
}
