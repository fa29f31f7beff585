/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The connection options of station commands. Owns no state. */
#include "cli/station.h"

#include "cli/file_output.h"

enum error station_connect(const struct arguments *arguments, struct rest **ret_rest,
                           struct failure *failure)
{
    struct rest_options options = {
        .url = arguments_get(arguments, OPTION_URL),
        .ca = arguments_get(arguments, OPTION_CA),
        .certificate = arguments_get(arguments, OPTION_CERT),
        .key = arguments_get(arguments, OPTION_KEY),
        .timeout_s = REST_TIMEOUT_DEFAULT_S,
    };
    enum error checked = arguments_demand(arguments, STATION_OPTIONS_REQUIRED, failure);
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
