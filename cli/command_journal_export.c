/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl journal export: the vault writes the journal into a file that it is given, which gets its
 * name when all is there. Owns no state.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/admin_work.h"
#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"

/* Bytes of an auditor's nonce that the vault takes (docs/JOURNAL.md). */
#define CHALLENGE_MIN 8
#define CHALLENGE_MAX 64

static const char FIRST_LINE[] = "provisiond-journal/1\n";

static enum error read_challenge(const struct arguments *arguments, uint8_t bytes[CHALLENGE_MAX],
                                 ProtobufCBinaryData *ret_challenge, struct failure *failure)
{
    const char *text = arguments_get(arguments, OPTION_CHALLENGE);
    size_t length = 0;
    if (text == NULL)
        return ERR_OK;
    if (!text_parse_hex(text, bytes, CHALLENGE_MAX, &length) || length < CHALLENGE_MIN)
        return failure_set_usage(failure, "--challenge wants %d to %d bytes as hex digits",
                                 CHALLENGE_MIN, CHALLENGE_MAX);
    *ret_challenge = (ProtobufCBinaryData){.data = bytes, .len = length};
    return ERR_OK;
}

static enum error open_output(const struct arguments *arguments, struct file_output *ret_output,
                              struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_OUT);
    const char *const inputs[] = {arguments_get(arguments, OPTION_CONFIG)};
    if (strcmp(path, "-") == 0)
        return failure_set_usage(failure, "--out wants the name of a file");
    enum error e = file_output_refuse_inputs(path, inputs, 1, failure);
    return e == ERR_OK ? file_output_open(path, ret_output, failure) : e;
}

/* A vault that says "done" and wrote nothing, or another thing, must not become a file. */
static enum error check_written(int file, struct failure *failure)
{
    char found[sizeof FIRST_LINE - 1];
    const ssize_t n = pread(file, found, sizeof found, 0);
    if (n == (ssize_t)sizeof found && memcmp(found, FIRST_LINE, sizeof found) == 0)
        return ERR_OK;
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The vault says that the journal is exported, and what it wrote is "
                             "none. Are the versions equal?");
}

static enum error print_exported(const struct arguments *arguments, int64_t size,
                                 const struct sha256 *root, struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_OUT);
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(root->bytes, SHA256_SIZE), hex);
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:I, s:s}", "file", output_text(path), "size",
                                     (json_int_t)size, "root", hex),
                           failure);
    (void)printf("leaves=%" PRId64 " root=%s\n", size, hex);
    return ERR_OK;
}

/* Takes the answer; the file gets its name only if all of it is good. */
static enum error finish(const struct arguments *arguments,
                         const Provisiond__JournalExportReply *reply, struct file_output *output,
                         struct failure *failure)
{
    struct sha256 root;
    enum error e = admin_read_digest(reply->root, &root, failure);
    if (e == ERR_OK && reply->size < 0)
        e = failure_set_plain(failure, ERR_INTERNAL,
                              "The vault's answer holds a journal size below zero");
    if (e == ERR_OK)
        e = check_written(output->fd, failure);
    if (e == ERR_OK)
        e = file_output_commit(output, bytes_of(NULL, 0), failure);
    return e == ERR_OK ? print_exported(arguments, reply->size, &root, failure) : e;
}

enum error command_journal_export(const struct arguments *arguments, struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    Provisiond__JournalExportRequest export = PROVISIOND__JOURNAL_EXPORT_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    uint8_t challenge[CHALLENGE_MAX];
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_JOURNAL_EXPORT;
    request.journal_export = &export;
    enum error e = read_challenge(arguments, challenge, &export.challenge, failure);
    if (e == ERR_OK)
        e = open_output(arguments, &output, failure);
    if (e != ERR_OK)
        return e;
    struct admin_work work = {
        .arguments = arguments, .request = &request, .file = output.fd, .failure = failure};
    progress_run_writing(admin_work_ask, &work, output.fd);
    ADMIN_REPLY_AUTO reply = work.reply;
    if (work.result != ERR_OK)
        return work.result;
    return finish(arguments, reply->journal_export, &output, failure);
}
