/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The front end over real mutual TLS, with a peer at the vault's socket. */
#include <signal.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "suites.h"

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as daemon_start does */
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    SRunner *runner = srunner_create(clients_suite());
    srunner_add_suite(runner, license_suite());
    srunner_add_suite(runner, limits_suite());
    srunner_add_suite(runner, content_suite());
    srunner_add_suite(runner, fw_suite());
    srunner_add_suite(runner, journal_suite());
    srunner_add_suite(runner, receipt_suite());
    srunner_add_suite(runner, grant_suite());
    srunner_add_suite(runner, reads_suite());
    srunner_add_suite(runner, query_suite());
    srunner_add_suite(runner, batch_suite());
    srunner_add_suite(runner, pages_suite());
    srunner_add_suite(runner, stop_suite());
    srunner_add_suite(runner, log_suite());
    srunner_add_suite(runner, program_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
