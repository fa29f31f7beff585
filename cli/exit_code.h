/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a script learns from the exit code: one table from meaning to number.
 *
 * The numbers are part of the interface (docs/man/provctl.1.scd): a line script branches on them.
 * They never change; a code without a better row is 1. Threads: pure functions.
 */
#ifndef CLI_EXIT_CODE_H
#define CLI_EXIT_CODE_H

#include <stdbool.h>

#include "core/error.h"

enum exit_code {
    EXIT_CODE_DONE = 0, /* also for a repeat of what was done before */
    EXIT_CODE_OTHER = 1,
    EXIT_CODE_QUOTA_SPENT = 10,
    EXIT_CODE_FORBIDDEN = 11,
    EXIT_CODE_DEVICE_REFUSED = 12,
    EXIT_CODE_DEVICE_CONFLICT = 13, /* identity conflict, or scrapped */
    EXIT_CODE_INCOMPLETE = 14,      /* a backup that lacks images or the HSM's signature */
    EXIT_CODE_LOCAL_ONLY = 15,      /* hsm check: the module serves local products only */
    EXIT_CODE_UNFIT = 16,           /* hsm check: the module does not work */
    EXIT_CODE_TRY_AGAIN = 20,
    EXIT_CODE_USAGE = 64
};

/* The exit code of a meaning; EXIT_CODE_OTHER for a number that is none. */
enum exit_code exit_code_of(enum error code);
/* True when the table has a row of its own for code; for the test of its completeness. */
bool exit_code_has_row(enum error code);

#endif
