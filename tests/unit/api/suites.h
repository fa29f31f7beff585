/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The suites of the two test programs of this folder. */
#ifndef TESTS_UNIT_API_SUITES_H
#define TESTS_UNIT_API_SUITES_H

#include <check.h>

Suite *body_suite(void);
Suite *range_suite(void);
Suite *route_suite(void);
Suite *problem_suite(void);
Suite *multipart_suite(void);
Suite *cursor_suite(void);

Suite *clients_suite(void);
Suite *license_suite(void);
Suite *limits_suite(void);
Suite *content_suite(void);
Suite *fw_suite(void);
Suite *journal_suite(void);
Suite *receipt_suite(void);
Suite *grant_suite(void);
Suite *reads_suite(void);
Suite *query_suite(void);
Suite *batch_suite(void);
Suite *pages_suite(void);
Suite *stop_suite(void);
Suite *log_suite(void);
Suite *program_suite(void);

#endif
