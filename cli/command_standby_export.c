/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl standby export: the vault writes the session keys into a file that it is given, which
 * gets its name when all is there. Owns no state.
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
#include "handover/handover.h"

static enum error open_output(const struct arguments *arguments, struct file_output *ret_output,
                              struct failure *failure)
{
    const char *path = arguments->operands[0];
    const char *const inputs[] = {arguments_get(arguments, OPTION_CONFIG)};
    if (strcmp(path, "-") == 0)
        return failure_set_usage(failure, "FILE wants the name of a file");
    enum error e = file_output_refuse_inputs(path, inputs, 1, failure);
    return e == ERR_OK ? file_output_open(path, ret_output, failure) : e;
}

/* A vault that says "done" and wrote nothing, or another thing, must not become a file. */
static enum error check_written(int file, struct failure *failure)
{
    char found[sizeof HANDOVER_MAGIC];
    const ssize_t n = pread(file, found, sizeof found, 0);
    if (n == (ssize_t)sizeof found && memcmp(found, HANDOVER_MAGIC "\n", sizeof found) == 0)
        return ERR_OK;
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The vault says that the session keys are exported, and what it wrote "
                             "is another thing. Are the versions equal?");
}

static enum error print_exported(const struct arguments *arguments,
                                 const Provisiond__StandbyExportReply *reply,
                                 const struct sha256 *file, struct failure *failure)
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(file->bytes, SHA256_SIZE), hex);
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(
            json_pack("{s:o, s:o, s:I, s:I, s:s}", "file", output_text(arguments->operands[0]),
                      "standby", output_text(reply->standby), "images", (json_int_t)reply->images,
                      "new", (json_int_t)reply->added, "sha256", hex),
            failure);
    (void)printf("standby=%s images=%" PRId64 " new=%" PRId64 " sha256=%s\n", reply->standby,
                 reply->images, reply->added, hex);
    return ERR_OK;
}

static enum error finish(const struct arguments *arguments,
                         const Provisiond__StandbyExportReply *reply, struct file_output *output,
                         struct failure *failure)
{
    struct sha256 file;
    enum error e = admin_read_digest(reply->file, &file, failure);
    if (e == ERR_OK && !name_is_valid(reply->standby, HANDOVER_NAME_MAX))
        e = failure_set_plain(failure, ERR_INTERNAL, "The vault's answer names no standby");
    if (e == ERR_OK)
        e = check_written(output->fd, failure);
    if (e == ERR_OK)
        e = file_output_commit(output, bytes_of(NULL, 0), failure);
    return e == ERR_OK ? print_exported(arguments, reply, &file, failure) : e;
}

enum error command_standby_export(const struct arguments *arguments, struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    Provisiond__StandbyExportRequest export = PROVISIOND__STANDBY_EXPORT_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    export.product = (char *)arguments_get(arguments, OPTION_PRODUCT);
    export.standby = (char *)arguments_get_or(arguments, OPTION_TO_STANDBY, "");
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STANDBY_EXPORT;
    request.standby_export = &export;
    enum error e = open_output(arguments, &output, failure);
    if (e != ERR_OK)
        return e;
    struct admin_work work = {
        .arguments = arguments, .request = &request, .file = output.fd, .failure = failure};
    progress_run_unsized(admin_work_ask, &work, "Wrapping session keys");
    ADMIN_REPLY_AUTO reply = work.reply;
    if (work.result != ERR_OK)
        return work.result;
    return finish(arguments, reply->standby_export, &output, failure);
}
