/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The options of product create and of a policy for products whose devices show an X.509
 * certificate: which keys and certificates it takes, and what the profile leaves to choose
 * (docs/profiles/README.md). Checked before anybody is asked. Threads: main thread.
 */
#ifndef CLI_DEVICE_OPTIONS_H
#define CLI_DEVICE_OPTIONS_H

#include "cli/arguments.h"
#include "cli/failure.h"

#define DEVICE_OPTIONS                                                                         \
    OPTION_DEVICE_KEYS, OPTION_DEVICE_VALIDITY, OPTION_ACCEPT_SIGN_ONLY, OPTION_SUIT_KEY_WRAP, \
        OPTION_MCUBOOT_SHA512

/* Bytes of a text of settings, with the terminating NUL. */
#define DEVICE_OPTIONS_SIZE 1025

/* A usage failure that names the profiles when this is none. */
enum error device_options_check_profile(const char *profile, struct failure *failure) MUST_USE;

/* True when a product of the profile must allow that its session keys are exposed. */
bool device_options_exposes(const char *profile);

/*
 * The settings of a product of the profile as the vault keeps them: a JSON object with every
 * member; "" when none of the options is given, and for st-sfi, with which each of them is a usage
 * failure. out holds DEVICE_OPTIONS_SIZE.
 */
enum error device_options_read(const struct arguments *arguments, const char *profile, char *out,
                               struct failure *failure) MUST_USE;

#endif
