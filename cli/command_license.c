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

#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/file_output.h"
#include "cli/license_request.h"
#include "cli/output.h"
#include "cli/station.h"

#define ST_CERTIFICATE_FILE_MAX 1024 /* what the server takes; a good one has 136 */

/* What the device shows: a PEM chain or public key, or in base64 the bytes of an ST chip. */
struct proof {
    const char *member;
    char *text;
};

static enum error read_st_certificate(const char *path, char **ret_text, struct failure *failure)
{
    uint8_t *data = NULL;
    size_t length = 0;
    enum error e = file_input_read_bytes(path, ST_CERTIFICATE_FILE_MAX, &data, &length, failure);
    if (e == ERR_OK && base64_encode(bytes_of(data, length), ret_text) != ERR_OK)
        e = failure_set_memory(failure);
    free(data);
    return e;
}

static enum error read_proof(const struct arguments *arguments, struct proof *ret_proof,
                             struct failure *failure)
{
    const char *chain = arguments_get(arguments, OPTION_DEVICE_CERT);
    const char *st_certificate = arguments_get(arguments, OPTION_ST_CERTIFICATE);
    const char *key = arguments_get(arguments, OPTION_DEVICE_KEY);
    if (key != NULL) {
        ret_proof->member = "public_key";
        return file_input_read_public_keys(key, &ret_proof->text, failure);
    }
    ret_proof->member = chain != NULL ? "certificate_chain" : "st_certificate";
    return chain != NULL ? file_input_read_pem(chain, &ret_proof->text, failure)
                         : read_st_certificate(st_certificate, &ret_proof->text, failure);
}

/* The body; a text that is not UTF-8 cannot be JSON. */
static enum error make_request(const struct arguments *arguments, const struct proof *proof,
                               char **ret_body, struct failure *failure)
{
    json_t *context = license_context(arguments);
    json_t *request =
        context == NULL
            ? NULL
            : json_pack("{s:s, s:s, s:{s:s}}", "product", arguments_get(arguments, OPTION_PRODUCT),
                        "image", arguments_get_or(arguments, OPTION_IMAGE, "latest"), "device",
                        proof->member, proof->text);
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

/* Exactly one proof of origin. */
static enum error check_device(const struct arguments *arguments, struct failure *failure)
{
    const int given = arguments_has(arguments, OPTION_DEVICE_CERT) +
                      arguments_has(arguments, OPTION_ST_CERTIFICATE) +
                      arguments_has(arguments, OPTION_DEVICE_KEY);
    if (given == 1)
        return ERR_OK;
    if (given > 1)
        return failure_set_usage(
            failure, "--device-cert, --st-certificate and --device-key: give one of them");
    return failure_set_usage(failure, "The device's certificate is missing: --device-cert FILE, or "
                                      "--st-certificate FILE for an ST chip, or --device-key FILE "
                                      "for a listed device without one");
}

static enum error ask(const struct arguments *arguments, struct rest_answer *ret_answer,
                      struct failure *failure)
{
    REST_AUTO rest = NULL;
    struct proof proof = {.text = NULL};
    char *body = NULL;
    enum error e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = read_proof(arguments, &proof, failure);
    if (e == ERR_OK)
        e = make_request(arguments, &proof, &body, failure);
    if (e == ERR_OK)
        e = rest_ask(rest, "/v1/licenses", body, ret_answer, failure);
    free(proof.text);
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

/* Of the one file that was given. */
static const char *proof_path(const struct arguments *arguments)
{
    const char *chain = arguments_get(arguments, OPTION_DEVICE_CERT);
    const char *chip = arguments_get(arguments, OPTION_ST_CERTIFICATE);
    if (chain != NULL)
        return chain;
    return chip != NULL ? chip : arguments_get(arguments, OPTION_DEVICE_KEY);
}

enum error command_license(const struct arguments *arguments, struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    struct answer_license license;
    struct rest_answer answer = {0};
    const char *path = arguments_get(arguments, OPTION_OUT);
    if (strcmp(path, "-") == 0 && arguments_has(arguments, OPTION_JSON))
        return failure_set_usage(failure, "--json and --out - both want standard output");
    enum error e = check_device(arguments, failure);
    if (e == ERR_OK)
        e = license_check_image(arguments, failure);
    if (e == ERR_OK)
        e = station_check_output(arguments, proof_path(arguments), failure);
    if (e == ERR_OK)
        e = file_output_open(path, &output, failure);
    if (e == ERR_OK)
        e = ask(arguments, &answer, failure);
    struct bytes body = bytes_of(answer.body, answer.length);
    if (e == ERR_OK)
        e = answer_read_license(body, &license, failure);
    if (e == ERR_OK)
        e = license_check_answer(arguments_get_or(arguments, OPTION_IMAGE, "latest"), &license,
                                 failure);
    if (e == ERR_OK)
        e = file_output_commit(&output, bytes_of(license.license, license.license_length), failure);
    if (e == ERR_OK)
        e = print_result(arguments, body, &license, failure);
    free(answer.body);
    return e;
}
