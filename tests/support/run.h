/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The main of a test program with one suite. */
#ifndef TESTS_SUPPORT_RUN_H
#define TESTS_SUPPORT_RUN_H

#include <check.h>

/*
 * A suite with one test case: each test runs in a process of its own between set_up and tear_down
 * (may be NULL), for at most timeout_s seconds.
 */
struct run_case {
    const char *name;
    void (*set_up)(void);
    void (*tear_down)(void);
    double timeout_s;
    const TTest *const *tests; /* ends with NULL */
};

/* Runs it and returns main's exit status. */
int run_suite(const struct run_case *run_case);

#endif
