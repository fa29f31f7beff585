/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The suites of test_edge. */
#ifndef TESTS_UNIT_API_EDGE_SUITES_H
#define TESTS_UNIT_API_EDGE_SUITES_H

#include <check.h>

Suite *slow_suite(void);
Suite *lobby_suite(void);
Suite *bounds_suite(void);
Suite *rate_suite(void);
Suite *metered_suite(void);
Suite *reload_suite(void);
Suite *revoked_suite(void);
Suite *metrics_suite(void);

#endif
