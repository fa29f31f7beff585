/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl grant new: a document from options, ready to be signed; asks nobody. Owns no state. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/grant_form.h"
#include "cli/output.h"
#include "cli/text.h"

#define ID_SIZE   37 /* a UUID and NUL */
#define EXTENSION ".json"

/* As people call the signed file: g.json becomes g.p7s, anything else gets the ending. */
static void name_signed(const char *path, const char *ending, char out[PATH_MAX])
{
    size_t length = strlen(path);
    bool is_json =
        length > strlen(EXTENSION) && strcmp(path + length - strlen(EXTENSION), EXTENSION) == 0;
    (void)snprintf(out, PATH_MAX, "%.*s%s", (int)(is_json ? length - strlen(EXTENSION) : length),
                   path, ending);
}

/* The lines are for the officers, who have openssl and nothing of ours. */
static void print_next(const char *path)
{
    char file[PATH_MAX];
    char name[PATH_MAX];
    char once[PATH_MAX];
    char twice[PATH_MAX];
    text_escape(path, file, sizeof file);
    name_signed(path, ".p7s", name);
    text_escape(name, once, sizeof once);
    name_signed(path, "-2.p7s", name);
    text_escape(name, twice, sizeof twice);
    (void)printf("%s is to be signed, by one officer and then by each other one:\n"
                 "openssl cms -sign -nodetach -binary -outform DER -in %s -signer CERT.pem -inkey "
                 "KEY.pem -out %s\n"
                 "openssl cms -resign -inform DER -outform DER -in %s -signer CERT.pem -inkey "
                 "KEY.pem -out %s\n",
                 file, file, once, once, twice);
}

/* The document itself is the output when it goes to standard output. */
static enum error report(const struct arguments *arguments, const struct grant *grant,
                         struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_OUT);
    char id[ID_SIZE];
    if (strcmp(path, "-") == 0)
        return ERR_OK;
    uuid_format(&grant->id, "", id, sizeof id);
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:s, s:s, s:o}", "grant_id", id, "kind",
                                     grant_kind_name(grant->kind), "file", output_text(path)),
                           failure);
    print_next(path);
    return ERR_OK;
}

static enum error write_document(const struct arguments *arguments, const struct grant *grant,
                                 struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    struct fault fault;
    char *text = NULL;
    if (grant_write(grant, &text, &fault) != ERR_OK)
        return failure_set_usage(failure, "The document cannot be made: %s", fault.detail);
    enum error e = file_output_open(arguments_get(arguments, OPTION_OUT), &output, failure);
    if (e == ERR_OK)
        e = file_output_commit(&output, bytes_of(text, strlen(text)), failure);
    free(text);
    return e;
}

static enum error check_output(const struct arguments *arguments, struct failure *failure)
{
    const char *const inputs[] = {arguments_get(arguments, OPTION_ANCHORS),
                                  arguments_get(arguments, OPTION_AUTHORITIES)};
    return file_output_refuse_inputs(arguments_get(arguments, OPTION_OUT), inputs,
                                     sizeof inputs / sizeof inputs[0], failure);
}

enum error command_grant_new(const struct arguments *arguments, struct failure *failure)
{
    struct grant grant;
    enum error e = grant_form_read(arguments, &grant, failure);
    if (e == ERR_OK)
        e = check_output(arguments, failure);
    if (e == ERR_OK)
        e = write_document(arguments, &grant, failure);
    if (e == ERR_OK)
        e = report(arguments, &grant, failure);
    grant_clear(&grant);
    return e;
}
