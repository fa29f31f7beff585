/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl outcome: how an install ended. Owns no state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/station.h"

static enum error check_operands(const struct arguments *arguments, struct failure *failure)
{
    static const char *const results[] = {"succeeded", "failed", "scrapped"};
    if (!name_is_valid(arguments->operands[0], ANSWER_ID_MAX))
        return failure_set_usage(failure, "%s is no install id; provctl license prints one",
                                 arguments->operands[0]);
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        if (strcmp(arguments->operands[1], results[i]) == 0)
            return ERR_OK;
    }
    return failure_set_usage(failure, "%s is no result; it is succeeded, failed or scrapped",
                             arguments->operands[1]);
}

static enum error make_request(const struct arguments *arguments, char **ret_body,
                               struct failure *failure)
{
    const char *code = arguments_get(arguments, OPTION_CODE);
    const char *detail = arguments_get(arguments, OPTION_DETAIL);
    json_t *request = json_pack("{s:s}", "result", arguments->operands[1]);
    bool is_made = request != NULL;
    if (is_made && code != NULL)
        is_made = json_object_set_new(request, "code", json_string(code)) == 0;
    if (is_made && detail != NULL)
        is_made = json_object_set_new(request, "detail", json_string(detail)) == 0;
    char *body = is_made ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (body == NULL)
        return failure_set_usage(failure, "An option's text is not UTF-8");
    *ret_body = body;
    return ERR_OK;
}

static enum error report(const struct arguments *arguments, struct failure *failure)
{
    REST_AUTO rest = NULL;
    struct rest_answer answer = {0};
    char *body = NULL;
    char path[128];
    (void)snprintf(path, sizeof path, "/v1/installs/%s/outcome", arguments->operands[0]);
    enum error e = make_request(arguments, &body, failure);
    if (e == ERR_OK)
        e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = rest_ask(rest, path, body, &answer, failure);
    free(body);
    free(answer.body);
    return e;
}

enum error command_outcome(const struct arguments *arguments, struct failure *failure)
{
    enum error e = check_operands(arguments, failure);
    if (e == ERR_OK)
        e = report(arguments, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:s, s:s}", "install_id", arguments->operands[0], "result",
                                     arguments->operands[1]),
                           failure);
    (void)printf("%s %s\n", arguments->operands[0], arguments->operands[1]);
    return ERR_OK;
}
