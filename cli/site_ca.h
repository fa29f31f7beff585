/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The CA that a command signs with: --ca and --ca-key, or ca.pem and ca.key in --out-dir.
 * Threads: no state.
 */
#ifndef CLI_SITE_CA_H
#define CLI_SITE_CA_H

#include "cli/arguments.h"
#include "cli/issuer.h"

/*
 * Opens it. A folder without a CA is told how to make one; a key that others can read is used,
 * with a warning on standard error.
 */
enum error site_ca_open(const struct arguments *arguments, struct issuer **ret_issuer,
                        struct failure *failure) MUST_USE;

#endif
