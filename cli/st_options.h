/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The --st- options of product create and of a policy: what a product of the profile st-sfi is set
 * to (docs/profiles/st-sfi.md), checked before anybody is asked. Threads: main thread.
 */
#ifndef CLI_ST_OPTIONS_H
#define CLI_ST_OPTIONS_H

#include "cli/arguments.h"
#include "cli/failure.h"
#include "vault.pb-c.h"

#define ST_PROFILE      "st-sfi"
#define ST_KDF_INFO_MAX 64 /* bytes */

/* Shared info of the KDF where none is given: "provisiond-st-sfi-reference-1" in hex. */
#define ST_REFERENCE_INFO "70726f766973696f6e642d73742d7366692d7265666572656e63652d31"

#define ST_OPTIONS                                                                    \
    OPTION_ST_PRODUCT_ID, OPTION_ST_SIGNED, OPTION_ST_KDF_INFO, OPTION_ST_KDF_LAYOUT, \
        OPTION_ST_LICENSE_TYPE, OPTION_ST_BOOT_VERSION

/* The message borrows from kdf_info and the arguments: do not copy it. */
struct st_options {
    Provisiond__StOptions message;
    uint8_t kdf_info[ST_KDF_INFO_MAX];
};

/*
 * For a product of the profile st-sfi the message; for another one nothing, and a usage failure
 * when one of these options is given.
 */
enum error st_options_read(const struct arguments *arguments, bool is_st_sfi,
                           struct st_options *options, struct failure *failure) MUST_USE;

/*
 * The settings as the vault keeps them and policies hold them: one JSON object with every member,
 * the reference values where an option was left out. out holds size bytes.
 */
enum error st_options_settings(const struct st_options *options, char *out, size_t size,
                               struct failure *failure) MUST_USE;

#endif
