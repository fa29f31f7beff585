/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The main of the test programs of this folder. Threads: main thread. */
#ifndef TESTS_UNIT_CLI_SUITE_H
#define TESTS_UNIT_CLI_SUITE_H

#include <check.h>

/* Runs tests (ends with NULL), each in a process of its own between set_up and tear_down. */
int suite_run(const char *name, void (*set_up)(void), void (*tear_down)(void),
              const TTest *const *tests);

#endif
