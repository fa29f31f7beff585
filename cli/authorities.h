/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * --authorities and --threshold: one PEM file with the certificates of all who may sign, and how
 * many of them must. Threads: main thread.
 */
#ifndef CLI_AUTHORITIES_H
#define CLI_AUTHORITIES_H

#include "cli/arguments.h"
#include "grant/authority.h"

/* A usage failure unless both options are given or none is. */
enum error authorities_check_options(const struct arguments *arguments,
                                     struct failure *failure) MUST_USE;
/* Both are given. Free *ret_set with authority_set_free. */
enum error authorities_read(const struct arguments *arguments, struct authority_set **ret_set,
                            struct failure *failure) MUST_USE;

#endif
