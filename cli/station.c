/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The connection options of station commands. Owns no state. */
#include "cli/station.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/file_output.h"
#include "config/config.h"

enum error station_is_asked(const struct arguments *arguments, bool *ret_is_rest,
                            struct failure *failure)
{
    bool is_admin =
        arguments_has(arguments, OPTION_SOCKET) || arguments_has(arguments, OPTION_CONFIG);
    bool is_rest = arguments_get(arguments, OPTION_URL) != NULL && !is_admin;
    if (is_admin && arguments_has(arguments, OPTION_URL))
        return failure_set_usage(failure, "Give --url, or --socket or --config, but not both");
    if (!is_rest && !is_admin && access(CONFIG_DEFAULT_PATH, R_OK) != 0)
        return failure_set_plain(failure, ERR_CONFIG,
                                 "The configuration %s cannot be read: %s. Give --socket or "
                                 "--config, or give --url to ask provisiond",
                                 CONFIG_DEFAULT_PATH, strerror(errno));
    *ret_is_rest = is_rest;
    return ERR_OK;
}

enum error station_connect(const struct arguments *arguments, struct rest **ret_rest,
                           struct failure *failure)
{
    struct rest_options options = {
        .url = arguments_get(arguments, OPTION_URL),
        .ca = arguments_get(arguments, OPTION_CA),
        .certificate = arguments_get(arguments, OPTION_CERT),
        .key = arguments_get(arguments, OPTION_KEY),
        .timeout_s = REST_TIMEOUT_DEFAULT_S,
        .is_single = arguments_has(arguments, OPTION_NO_RETRY),
    };
    enum error checked = arguments_demand(arguments, OPTIONS(STATION_OPTIONS_REQUIRED), failure);
    if (checked != ERR_OK)
        return checked;
    if (arguments_has(arguments, OPTION_TIMEOUT)) {
        enum error e = arguments_get_number(arguments, OPTION_TIMEOUT, 1, REST_TIMEOUT_MAX_S,
                                            &options.timeout_s, failure);
        if (e != ERR_OK)
            return e;
    }
    return rest_new(&options, ret_rest, failure);
}

enum error station_check_output(const struct arguments *arguments, const char *extra,
                                struct failure *failure)
{
    const char *const inputs[] = {arguments_get(arguments, OPTION_CA),
                                  arguments_get(arguments, OPTION_CERT),
                                  arguments_get(arguments, OPTION_KEY), extra};
    return file_output_refuse_inputs(arguments_get(arguments, OPTION_OUT), inputs,
                                     sizeof inputs / sizeof inputs[0], failure);
}
