/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The statement that makes an HSM another one's standby: its identity, its transport key, and that
 * key's digest, as a text of three parts. Threads: pure functions.
 */
#ifndef CLI_STANDBY_KEY_H
#define CLI_STANDBY_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/failure.h"
#include "core/bytes.h"

#define STANDBY_KEY_DER_MAX 256

struct standby_key {
    bool has_identity;
    struct sha256 identity;
    uint8_t der[STANDBY_KEY_DER_MAX]; /* SubjectPublicKeyInfo */
    size_t length;
    struct sha256 digest; /* of it */
};

/* ERR_INTERNAL unless the DER is a public key. */
enum error standby_key_print(const struct standby_key *key, FILE *out,
                             struct failure *failure) MUST_USE;
/* From such a text, or from a PEM public key alone. A usage failure when it does not hold. */
enum error standby_key_read(const char *path, struct standby_key *ret_key,
                            struct failure *failure) MUST_USE;

#endif
