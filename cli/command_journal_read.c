/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl journal checkpoint and key, over REST: what an auditor keeps to judge an export by later.
 * Written as the server sent it, after it was read. Owns no state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/station.h"
#include "journal/checkpoint.h"

static enum error fail_answer(struct failure *failure, const char *wrong)
{
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The server's answer cannot be understood (%s). Is --url the address "
                             "of provisiond, and are the versions equal?",
                             wrong);
}

/* Reads an answer into an object whose members are what the command prints. */
typedef enum error (*answer_reader)(struct bytes body, json_t **ret_line, struct failure *failure);

/* "leaves=7 root=00ff": for the script, beside the file. */
static enum error print_line(const struct arguments *arguments, json_t *line,
                             struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_OUT);
    FILE *out = strcmp(path, "-") == 0 ? stderr : stdout;
    const char *blank = "";
    const char *name = NULL;
    json_t *value = NULL;
    if (arguments_has(arguments, OPTION_JSON)) {
        (void)json_object_set_new(line, "file", output_text(path));
        return output_json(json_incref(line), failure);
    }
    json_object_foreach(line, name, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        (void)fprintf(out, "%s%s=%s", blank, name,
                      json_is_string(value) ? json_string_value(value) : text);
        free(text);
        blank = " ";
    }
    (void)fputc('\n', out);
    return ERR_OK;
}

static enum error fetch(const struct arguments *arguments, const char *path, answer_reader reader,
                        struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    REST_AUTO rest = NULL;
    struct rest_answer answer = {0};
    json_t *line = NULL;
    if (strcmp(arguments_get(arguments, OPTION_OUT), "-") == 0 &&
        arguments_has(arguments, OPTION_JSON))
        return failure_set_usage(failure, "--json and --out - both want standard output");
    enum error e = station_check_output(arguments, NULL, failure);
    if (e == ERR_OK)
        e = file_output_open(arguments_get(arguments, OPTION_OUT), &output, failure);
    if (e == ERR_OK)
        e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = rest_ask(rest, path, NULL, &answer, failure);
    struct bytes body = bytes_of(answer.body, answer.length);
    if (e == ERR_OK)
        e = reader(body, &line, failure);
    if (e == ERR_OK)
        e = file_output_commit(&output, body, failure);
    if (e == ERR_OK)
        e = print_line(arguments, line, failure);
    json_decref(line);
    free(answer.body);
    return e;
}

/* ---- checkpoint ---- */

/* Its signature is for who has the key: provctl journal verify. */
static enum error read_checkpoint(struct bytes body, json_t **ret_line, struct failure *failure)
{
    struct checkpoint checkpoint;
    struct fault fault = {0};
    char hex[SHA256_HEX_SIZE];
    if (checkpoint_read(body, &checkpoint, &fault) != ERR_OK)
        return fail_answer(failure, "no checkpoint");
    hex_encode(bytes_of(checkpoint.root.bytes, SHA256_SIZE), hex);
    *ret_line = json_pack("{s:I, s:s}", "leaves", (json_int_t)checkpoint.size, "root", hex);
    return *ret_line != NULL ? ERR_OK : failure_set_memory(failure);
}

enum error command_journal_checkpoint(const struct arguments *arguments, struct failure *failure)
{
    return fetch(arguments, "/v1/journal/checkpoint", read_checkpoint, failure);
}

/* ---- key ---- */

static enum error read_key(struct bytes body, json_t **ret_line, struct failure *failure)
{
    unsigned char *der = NULL;
    char hex[SHA256_HEX_SIZE];
    BIO *memory = BIO_new_mem_buf(body.data, (int)body.length);
    EVP_PKEY *key = memory != NULL ? PEM_read_bio_PUBKEY(memory, NULL, NULL, NULL) : NULL;
    int length = key != NULL ? i2d_PUBKEY(key, &der) : 0;
    BIO_free(memory);
    EVP_PKEY_free(key);
    if (length <= 0)
        return fail_answer(failure, "no public key");
    struct sha256 digest = sha256_of(bytes_of(der, (size_t)length));
    OPENSSL_free(der);
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    *ret_line = json_pack("{s:s}", "key", hex);
    return *ret_line != NULL ? ERR_OK : failure_set_memory(failure);
}

enum error command_journal_key(const struct arguments *arguments, struct failure *failure)
{
    return fetch(arguments, "/v1/journal/key", read_key, failure);
}
