/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AES-128-GCM as a chip uses it: the whole message is in RAM before the tag is looked at.
 * Threads: pure functions.
 */
#ifndef RIG_CHIP_GCM_H
#define RIG_CHIP_GCM_H

#include "rig/chip/state.h"

#define CHIP_KEY_BYTES   16
#define CHIP_NONCE_BYTES 12

/* All views are borrowed. */
struct chip_gcm {
    const uint8_t *key; /* CHIP_KEY_BYTES */
    struct bytes iv;
    struct bytes aad[2];
    struct bytes text;
    const uint8_t *tag; /* CHIP_TAG_BYTES */
};

/*
 * Decrypts text into out (text.length bytes; may be text itself) and verifies the tag; out is
 * cleansed when it is wrong. power (NULL is allowed) gets a step after each of the two.
 */
bool chip_gcm_open(const struct chip_gcm *message, uint8_t *out, struct chip_power *power) MUST_USE;

#endif
