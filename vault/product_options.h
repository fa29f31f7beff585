/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The settings of a product with ST devices (docs/profiles/st-sfi.md), and their
 * text in ledger, journal and listings: one JSON object with every member, so that whoever reads
 * the journal sees the defaults of then. Threads: pure functions.
 */
#ifndef VAULT_PRODUCT_OPTIONS_H
#define VAULT_PRODUCT_OPTIONS_H

#include "device/st_certificate.h"
#include "ledger/ledger.h"
#include "license/license.h"
#include "vault.pb-c.h"

struct product_options {
    struct st_expectation device;
    struct license_st_settings license;
};

/*
 * What an administrator asked for, with the reference values where he left something out.
 * ERR_BAD_REQUEST with the name of the setting as reason.
 */
enum error product_options_from_message(const Provisiond__StOptions *message,
                                        struct product_options *ret_options,
                                        struct fault *fault) MUST_USE;

/* ERR_INTERNAL when memory is out. */
enum error product_options_encode(const struct product_options *options,
                                  char out[LEDGER_OPTIONS_MAX + 1], struct fault *fault) MUST_USE;

/* The reverse. ERR_CONFIG ("options") for a text that this version did not write. */
enum error product_options_parse(const char *text, struct product_options *ret_options,
                                 struct fault *fault) MUST_USE;

#endif
