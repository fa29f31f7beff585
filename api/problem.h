/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Problems (RFC 9457): what each error code means over HTTP.
 *
 * One table maps each code to a status, a title and what to do on the line, another one what to do
 * after a check that has advice of its own. The type of a problem
 * is "/problems/<name>" with the name of the code (core/error.h); docs/problems.md has one section
 * per type. Threads: pure functions over constants.
 */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include <stdbool.h>

#include "core/error.h"

#define PROBLEM_TYPE_SIZE 64

struct problem {
    unsigned status;
    unsigned retry_after_s; /* 0: no Retry-After */
    const char *title;      /* the same for each problem of the type */
    const char *action;     /* what to do on the line, when the check has no advice of its own */
    bool has_check;         /* every reason word is the member "check" */
};

/* The row of code; ERR_OK and unknown codes get the row of ERR_INTERNAL. */
const struct problem *problem_of(enum error code);

/* What to do on the line: the advice of the check (a fault's reason), or the row's action. */
const char *problem_advice(enum error code, const char *check);

/* Whether the reason word is the member "check" of this answer. */
bool problem_shows_check(enum error code, const char *check);

/* True when code has a row of its own. For the test that proves the table complete. */
bool problem_exists(enum error code);

/* Writes "/problems/<name>". */
void problem_type(enum error code, char out[PROBLEM_TYPE_SIZE]);

#endif
