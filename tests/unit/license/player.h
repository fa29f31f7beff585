/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Plays the HSM for tests of license/: wraps a session key for a device as an agreement says, by
 * libcrypto. Whatever fails fails the test.
 */
#ifndef TESTS_UNIT_LICENSE_PLAYER_H
#define TESTS_UNIT_LICENSE_PLAYER_H

#include <openssl/evp.h>

#include "license/license.h"

#define PLAYER_POINT_MAX 97
#define PLAYER_KEY_MAX   512

struct player_wrapped {
    uint8_t point[PLAYER_POINT_MAX];
    uint8_t key[PLAYER_KEY_MAX];
    struct license_wrapped parts; /* its views are of the arrays above */
};

/* device is the public key of what the license is for. */
void player_wrap(const struct license_agreement *agreement, EVP_PKEY *device,
                 struct bytes session_key, enum license_hash oaep_hash,
                 struct player_wrapped *ret_wrapped);

#endif
