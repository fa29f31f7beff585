/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The two files of a key: NAME.key, for its owner alone, and NAME.pem. Neither replaces a file.
 * Order of calls: key_pair_name, key_pair_write, key_pair_remove if what they are for fails.
 * Threads: a value.
 */
#ifndef CLI_KEY_PAIR_H
#define CLI_KEY_PAIR_H

#include <limits.h>

#include "cli/failure.h"
#include "cli/issuer.h"

struct key_pair {
    char certificate[PATH_MAX];
    char key[PATH_MAX];
};

/* A usage failure when the paths are too long. */
enum error key_pair_name(const char *folder, const char *name, struct key_pair *ret_pair,
                         struct failure *failure) MUST_USE;
/* Both files, durably, or none. */
enum error key_pair_write(const struct key_pair *pair, const struct issued *issued,
                          struct failure *failure) MUST_USE;
/* Removes what key_pair_write wrote. */
void key_pair_remove(const struct key_pair *pair);

#endif
