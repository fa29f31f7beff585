/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The report of an offline verification, for a security officer and for machines.
 *
 * First what does not hold, then whose journal it is, the account of each product, what is proven
 * and what is not. Threads: main thread.
 */
#ifndef CLI_VERIFY_REPORT_H
#define CLI_VERIFY_REPORT_H

#include "audit/report.h"
#include "cli/failure.h"

/* On standard output. */
enum error verify_report_print(const struct audit_report *report, struct failure *failure) MUST_USE;
/* One object on one line. */
enum error verify_report_print_json(const struct audit_report *report,
                                    struct failure *failure) MUST_USE;

#endif
