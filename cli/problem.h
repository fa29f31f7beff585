/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A server's refusal (RFC 9457 application/problem+json) as a failure of ours.
 *
 * The body is hostile input: what is not understood falls back to the HTTP status. The problem's
 * type name decides the meaning, hence the exit code; a name that this version does not know goes
 * by its status and its retryable member. Threads: pure functions.
 */
#ifndef CLI_PROBLEM_H
#define CLI_PROBLEM_H

#include <stdbool.h>

#include "cli/failure.h"
#include "core/bytes.h"

/* The code with that error_name; ERR_OK when there is none (or for "ok"). */
enum error problem_error_from_name(const char *name);

/* What a status means when the body says nothing. Never ERR_OK. */
enum error problem_error_from_status(long status);

/* Fills *failure. *ret_retryable: the same request may succeed later. Returns the code. */
enum error problem_to_failure(long status, struct bytes body, bool *ret_retryable,
                              struct failure *failure);

#endif
