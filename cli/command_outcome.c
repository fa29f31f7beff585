/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl outcome: how an install ended. Owns no state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/output.h"
#include "cli/station.h"

#define SIGNATURE_MAX_BYTES 144 /* what the server takes: ECDSA P-521 in DER has 139 */

/* The install's id, which is the license's but for its prefix. */
static enum error check_operands(const struct arguments *arguments, char id[ANSWER_ID_MAX + 1],
                                 struct failure *failure)
{
    static const char *const results[] = {"succeeded", "failed", "scrapped"};
    enum error e = answer_read_pair_id(arguments->operands[0], ANSWER_INSTALL_PREFIX, id, failure);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        if (strcmp(arguments->operands[1], results[i]) == 0)
            return ERR_OK;
    }
    return failure_set_usage(failure, "%s is no result; it is succeeded, failed or scrapped",
                             arguments->operands[1]);
}

/* A device's receipt in base64; NULL when none is given. */
static enum error read_receipt(const struct arguments *arguments, char **ret_text,
                               struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_DEVICE_RECEIPT);
    uint8_t *data = NULL;
    size_t length = 0;
    if (path == NULL)
        return ERR_OK;
    if (strcmp(arguments->operands[1], "succeeded") != 0)
        return failure_set_usage(failure, "--device-receipt belongs to the result succeeded");
    enum error e = file_input_read_bytes(path, SIGNATURE_MAX_BYTES, &data, &length, failure);
    if (e == ERR_OK && base64_encode(bytes_of(data, length), ret_text) != ERR_OK)
        e = failure_set_memory(failure);
    free(data);
    return e;
}

static bool add_text(json_t *request, const char *member, const char *text)
{
    return text == NULL || json_object_set_new(request, member, json_string(text)) == 0;
}

static enum error make_request(const struct arguments *arguments, const char *receipt,
                               char **ret_body, struct failure *failure)
{
    json_t *request = json_pack("{s:s}", "result", arguments->operands[1]);
    const bool is_made = request != NULL &&
                         add_text(request, "code", arguments_get(arguments, OPTION_CODE)) &&
                         add_text(request, "detail", arguments_get(arguments, OPTION_DETAIL)) &&
                         add_text(request, "device_receipt", receipt);
    char *body = is_made ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (body == NULL)
        return failure_set_usage(failure, "An option's text is not UTF-8");
    *ret_body = body;
    return ERR_OK;
}

static enum error report(const struct arguments *arguments, const char *id,
                         struct answer_outcome *ret_outcome, struct failure *failure)
{
    REST_AUTO rest = NULL;
    struct rest_answer answer = {0};
    char *receipt = NULL;
    char *body = NULL;
    char path[128];
    (void)snprintf(path, sizeof path, "/v1/installs/%s/outcome", id);
    enum error e = read_receipt(arguments, &receipt, failure);
    if (e == ERR_OK)
        e = make_request(arguments, receipt, &body, failure);
    if (e == ERR_OK)
        e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = rest_ask(rest, path, body, &answer, failure);
    if (e == ERR_OK)
        e = answer_read_outcome(bytes_of(answer.body, answer.length), ret_outcome, failure);
    free(receipt);
    free(body);
    free(answer.body);
    return e;
}

static enum error print_json(const struct arguments *arguments, const char *id,
                             const struct answer_outcome *outcome, struct failure *failure)
{
    json_t *object = json_pack("{s:s, s:s}", "install_id", id, "result", arguments->operands[1]);
    if (object != NULL && outcome->has_proven)
        (void)json_object_set_new(object, "proven", json_boolean(outcome->is_proven));
    if (object != NULL && outcome->has_scrap_drawn)
        (void)json_object_set_new(object, "scrap_drawn", json_boolean(outcome->is_scrap_drawn));
    return output_json(object, failure);
}

enum error command_outcome(const struct arguments *arguments, struct failure *failure)
{
    struct answer_outcome outcome;
    char id[ANSWER_ID_MAX + 1];
    const char *result = arguments->operands[1];
    enum error e = check_operands(arguments, id, failure);
    if (e == ERR_OK)
        e = report(arguments, id, &outcome, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return print_json(arguments, id, &outcome, failure);
    (void)printf("%s %s", id, result);
    if (outcome.has_proven && strcmp(result, "succeeded") == 0)
        (void)printf(" proven=%s", outcome.is_proven ? "yes" : "no");
    if (outcome.has_scrap_drawn)
        (void)printf(" scrap_drawn=%s", outcome.is_scrap_drawn ? "yes" : "no");
    (void)putchar('\n');
    return ERR_OK;
}
