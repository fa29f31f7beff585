/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl usage: the account of a product, from the vault or from provisiond. Owns no state. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/account.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/station.h"

static enum error ask_server(const struct arguments *arguments, struct answer_usage *ret_usage,
                             struct failure *failure)
{
    REST_AUTO rest = NULL;
    struct rest_answer answer = {0};
    char path[128];
    (void)snprintf(path, sizeof path, "/v1/products/%s/usage", arguments->operands[0]);
    enum error e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = rest_ask(rest, path, NULL, &answer, failure);
    if (e == ERR_OK)
        e = answer_read_usage(bytes_of(answer.body, answer.length), ret_usage, failure);
    free(answer.body);
    return e;
}

enum error command_usage(const struct arguments *arguments, struct failure *failure)
{
    struct answer_usage usage;
    const char *product = arguments->operands[0];
    bool is_rest = false;
    enum error e = station_is_asked(arguments, &is_rest, failure);
    if (e != ERR_OK)
        return e;
    e = is_rest ? ask_server(arguments, &usage, failure)
                : account_ask_vault(arguments, product, &usage, failure);
    if (e != ERR_OK)
        return e;
    if (!arguments_has(arguments, OPTION_JSON))
        return account_print(product, &usage, failure);
    e = account_check(&usage, failure);
    return e == ERR_OK ? output_json(account_to_json(&usage), failure) : e;
}
