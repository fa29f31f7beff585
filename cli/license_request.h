/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the questions for one license and for many have in common. Threads: pure functions.
 */
#ifndef CLI_LICENSE_REQUEST_H
#define CLI_LICENSE_REQUEST_H

#include <jansson.h>

#include "cli/answer.h"
#include "cli/arguments.h"

/* The request's member context by the options, {} for none; NULL when a text is not UTF-8. */
json_t *license_context(const struct arguments *arguments);
/* A usage failure unless --image is latest or a digest. */
enum error license_check_image(const struct arguments *arguments, struct failure *failure) MUST_USE;
/* A license for another image than was asked for would install nothing: ERR_INTERNAL. */
enum error license_check_answer(const char *image, const struct answer_license *license,
                                struct failure *failure) MUST_USE;

#endif
