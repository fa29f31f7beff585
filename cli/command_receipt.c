/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl receipt: that a license is in the journal, written as the server sent it. Whether it
 * proves that is for the auditor: provctl journal verify takes the file. Owns no state.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/station.h"

static enum error ask(const struct arguments *arguments, const char *id,
                      struct rest_answer *ret_answer, struct failure *failure)
{
    REST_AUTO rest = NULL;
    char path[128];
    (void)snprintf(path, sizeof path, "/v1/licenses/%s/receipt", id);
    enum error e = station_connect(arguments, &rest, failure);
    return e == ERR_OK ? rest_ask(rest, path, NULL, ret_answer, failure) : e;
}

static enum error check_answer(struct bytes body, const char *id,
                               struct answer_receipt *ret_receipt, struct failure *failure)
{
    enum error e = answer_read_receipt(body, ret_receipt, failure);
    if (e == ERR_OK && strcmp(ret_receipt->license_id, id) != 0)
        e = failure_set_plain(failure, ERR_INTERNAL,
                              "The server answered with the receipt of another license");
    return e;
}

static enum error print_receipt(const struct arguments *arguments,
                                const struct answer_receipt *receipt, struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_OUT);
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:s, s:o, s:I, s:I}", "license_id", receipt->license_id,
                                     "file", output_text(path), "index", (json_int_t)receipt->index,
                                     "tree_size", (json_int_t)receipt->tree_size),
                           failure);
    (void)fprintf(strcmp(path, "-") == 0 ? stderr : stdout,
                  "%s leaf=%" PRId64 " checkpoint=%" PRId64 "\n", receipt->license_id,
                  receipt->index, receipt->tree_size);
    return ERR_OK;
}

/* Checks the line and opens the output. */
static enum error prepare(const struct arguments *arguments, char id[ANSWER_ID_MAX + 1],
                          struct file_output *ret_output, struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_OUT);
    if (strcmp(path, "-") == 0 && arguments_has(arguments, OPTION_JSON))
        return failure_set_usage(failure, "--json and --out - both want standard output");
    enum error e = answer_read_pair_id(arguments->operands[0], ANSWER_LICENSE_PREFIX, id, failure);
    if (e == ERR_OK)
        e = station_check_output(arguments, NULL, failure);
    return e == ERR_OK ? file_output_open(path, ret_output, failure) : e;
}

enum error command_receipt(const struct arguments *arguments, struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    struct rest_answer answer = {0};
    struct answer_receipt receipt;
    char id[ANSWER_ID_MAX + 1];
    enum error e = prepare(arguments, id, &output, failure);
    if (e == ERR_OK)
        e = ask(arguments, id, &answer, failure);
    const struct bytes body = bytes_of(answer.body, answer.length);
    if (e == ERR_OK)
        e = check_answer(body, id, &receipt, failure);
    if (e == ERR_OK)
        e = file_output_commit(&output, body, failure);
    if (e == ERR_OK)
        e = print_receipt(arguments, &receipt, failure);
    free(answer.body);
    return e;
}
