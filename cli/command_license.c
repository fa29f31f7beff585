/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl license: one device's license, written whole or not at all. The output file is opened
 * before the server is asked: a folder that cannot be written must not cost a unit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/station.h"

static json_t *make_context(const struct arguments *arguments)
{
    static const struct {
        const char *member;
        enum option_id option;
    } rows[] = {{"lot", OPTION_LOT},
                {"line", OPTION_LINE},
                {"work_order", OPTION_WORK_ORDER},
                {"operator", OPTION_OPERATOR},
                {"socket", OPTION_SOCKET_NAME}};
    json_t *context = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *value = arguments_get(arguments, rows[i].option);
        if (value != NULL &&
            json_object_set_new(context, rows[i].member, json_string(value)) != 0) {
            json_decref(context);
            return NULL;
        }
    }
    return context;
}

/* The body; a text that is not UTF-8 cannot be JSON. */
static enum error make_request(const struct arguments *arguments, const char *chain,
                               char **ret_body, struct failure *failure)
{
    json_t *context = make_context(arguments);
    json_t *request =
        context == NULL
            ? NULL
            : json_pack("{s:s, s:s, s:{s:s}}", "product", arguments_get(arguments, OPTION_PRODUCT),
                        "image", arguments_get_or(arguments, OPTION_IMAGE, "latest"), "device",
                        "certificate_chain", chain);
    if (request != NULL && json_object_size(context) > 0)
        (void)json_object_set(request, "context", context);
    char *body = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(context);
    json_decref(request);
    if (body == NULL)
        return failure_set_usage(failure, "An option's text is not UTF-8");
    *ret_body = body;
    return ERR_OK;
}

/* "latest", or a digest in the API's form. */
static enum error check_image(const struct arguments *arguments, struct failure *failure)
{
    struct sha256 digest;
    const char *image = arguments_get_or(arguments, OPTION_IMAGE, "latest");
    if (strcmp(image, "latest") == 0 || image_reference_parse(image, &digest))
        return ERR_OK;
    return failure_set_usage(failure, "--image wants latest, or sha256: and 64 digits");
}

/* A license for another image than the one asked for would install nothing. */
static enum error check_answer(const struct arguments *arguments,
                               const struct answer_license *license, struct failure *failure)
{
    struct sha256 asked;
    const char *image = arguments_get_or(arguments, OPTION_IMAGE, "latest");
    if (image_reference_parse(image, &asked) && !sha256_equal(&asked, &license->image))
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The server answered with a license for another image");
    return ERR_OK;
}

static enum error ask(const struct arguments *arguments, struct rest_answer *ret_answer,
                      struct failure *failure)
{
    REST_AUTO rest = NULL;
    char *chain = NULL;
    char *body = NULL;
    enum error e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = file_input_read_pem(arguments_get(arguments, OPTION_DEVICE_CERT), &chain, failure);
    if (e == ERR_OK)
        e = make_request(arguments, chain, &body, failure);
    if (e == ERR_OK)
        e = rest_ask(rest, "/v1/licenses", body, ret_answer, failure);
    free(chain);
    free(body);
    return e;
}

static enum error print_result(const struct arguments *arguments, struct bytes body,
                               const struct answer_license *license, struct failure *failure)
{
    bool is_stdout_taken = strcmp(arguments_get(arguments, OPTION_OUT), "-") == 0;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json_body(body, failure);
    (void)fprintf(is_stdout_taken ? stderr : stdout, "%s charged=%s remaining=%" PRId64 "\n",
                  license->install_id, license->is_charged ? "yes" : "no", license->remaining);
    return ERR_OK;
}

enum error command_license(const struct arguments *arguments, struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    struct answer_license license;
    struct rest_answer answer = {0};
    const char *path = arguments_get(arguments, OPTION_OUT);
    if (strcmp(path, "-") == 0 && arguments_has(arguments, OPTION_JSON))
        return failure_set_usage(failure, "--json and --out - both want standard output");
    enum error e = check_image(arguments, failure);
    if (e == ERR_OK)
        e = station_check_output(arguments, arguments_get(arguments, OPTION_DEVICE_CERT), failure);
    if (e == ERR_OK)
        e = file_output_open(path, &output, failure);
    if (e == ERR_OK)
        e = ask(arguments, &answer, failure);
    struct bytes body = bytes_of(answer.body, answer.length);
    if (e == ERR_OK)
        e = answer_read_license(body, &license, failure);
    if (e == ERR_OK)
        e = check_answer(arguments, &license, failure);
    if (e == ERR_OK)
        e = file_output_commit(&output, bytes_of(license.license, license.license_length), failure);
    if (e == ERR_OK)
        e = print_result(arguments, body, &license, failure);
    free(answer.body);
    return e;
}
