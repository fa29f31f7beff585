/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Options that several commands about signed documents read. Threads: main thread. */
#ifndef CLI_GRANT_NEW_H
#define CLI_GRANT_NEW_H

#include "cli/arguments.h"
#include "core/bytes.h"
#include "grant/authority.h"

/* SIZE:ROOT, a journal's head. */
enum error grant_read_head(const struct arguments *arguments, enum option_id option,
                           int64_t *ret_size, struct sha256 *ret_root,
                           struct failure *failure) MUST_USE;
/* --authorities and --threshold; the caller frees the set. */
enum error grant_read_authorities(const struct arguments *arguments, struct authority_set **ret_set,
                                  struct failure *failure) MUST_USE;

#endif
