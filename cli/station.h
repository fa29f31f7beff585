/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the commands of a station have in common: the options of the connection to provisiond.
 * Threads: main thread.
 */
#ifndef CLI_STATION_H
#define CLI_STATION_H

#include "cli/arguments.h"
#include "cli/rest.h"

#define STATION_OPTIONS_REQUIRED OPTION_URL, OPTION_CA, OPTION_CERT, OPTION_KEY
#define STATION_OPTIONS_RETRY    OPTION_TIMEOUT, OPTION_NO_RETRY
#define STATION_OPTIONS          STATION_OPTIONS_REQUIRED, STATION_OPTIONS_RETRY

/*
 * Whether provisiond is asked, for commands that ask it or the vault: when there is an address,
 * unless --socket or --config says that the vault is meant. A usage failure for both, ERR_CONFIG
 * when neither can be found.
 */
enum error station_is_asked(const struct arguments *arguments, bool *ret_is_rest,
                            struct failure *failure) MUST_USE;

/* A client by the arguments. A usage failure when one of the required options is missing. */
enum error station_connect(const struct arguments *arguments, struct rest **ret_rest,
                           struct failure *failure) MUST_USE;

/* A usage failure when --out names a file that the command reads; extra is one more, or NULL. */
enum error station_check_output(const struct arguments *arguments, const char *extra,
                                struct failure *failure) MUST_USE;

#endif
