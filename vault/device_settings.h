/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The settings of a product whose devices show an X.509 certificate: which keys and certificates it
 * takes, and what the profile leaves to choose. In ledger, journal and policies they are one JSON
 * object (docs/profiles/README.md); a member that is left out is at its default. Threads: pure
 * functions.
 */
#ifndef VAULT_DEVICE_SETTINGS_H
#define VAULT_DEVICE_SETTINGS_H

#include "device/device.h"
#include "license/license.h"

struct device_settings {
    struct device_policy policy;
    bool uses_list;   /* its devices show a raw key that a signed list names */
    bool uses_kw256;  /* suit */
    bool uses_sha512; /* mcuboot, with X25519 */
};

/*
 * text "" is the default of everything. ERR_BAD_REQUEST: "options" (no such object, or a member
 * that the profile does not have), "device-keys" (a name that is none, or a key that the profile
 * does not serve).
 */
enum error device_settings_parse(const struct license_profile *profile, const char *text,
                                 struct device_settings *ret_settings,
                                 struct fault *fault) MUST_USE;

/* The same two enumerations; they have no number in common. */
enum license_key device_settings_key(enum device_key_type type);

#endif
