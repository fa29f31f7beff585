/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl backup: what the vault gives (a copy of the ledger, and images), and the configuration,
 * packed and encrypted here into a file that gets its name when all is in it. Owns no state.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/manifest.h"
#include "backup/pack.h"
#include "cli/admin.h"
#include "cli/backup_image.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "config/config.h"
#include "core/crash_point.h"

/* All that one backup needs. */
struct backup {
    const struct arguments *arguments;
    struct failure *failure;
    struct seal *seal;
    struct pack *pack;
    Provisiond__AdminReply *reply;              /* owned */
    const Provisiond__LedgerCopyReply *content; /* what it is made of */
    int ledger;                                 /* owned; -1: none yet */
    uint8_t *config;                            /* owned */
    size_t config_length;
    struct backup_lacks lacks;
    enum error result;
};

#define BACKUP_AUTO __attribute__((cleanup(backup_clear))) struct backup

static void backup_clear(struct backup *backup)
{
    pack_free(&backup->pack);
    seal_free(&backup->seal);
    admin_reply_free(&backup->reply);
    if (backup->ledger >= 0)
        (void)close(backup->ledger);
    free(backup->config);
    backup_lacks_clear(&backup->lacks);
}

/* ---- what is needed before the vault is asked ---- */

static enum error read_config(struct backup *backup)
{
    const char *path = arguments_get_or(backup->arguments, OPTION_CONFIG, CONFIG_DEFAULT_PATH);
    return file_input_read_bytes(path, BACKUP_CONFIG_MAX, &backup->config, &backup->config_length,
                                 backup->failure);
}

static enum error open_seal(struct backup *backup, int out)
{
    const char *path = arguments_get(backup->arguments, OPTION_RECIPIENT);
    struct fault fault = {0};
    uint8_t *pem = NULL;
    size_t length = 0;
    enum error e = file_input_read_bytes(path, BACKUP_PEM_MAX, &pem, &length, backup->failure);
    if (e != ERR_OK)
        return e;
    e = seal_new(bytes_of(pem, length), out, &backup->seal, &fault);
    if (e == ERR_OK)
        e = pack_new(backup->seal, &backup->pack, &fault);
    free(pem);
    return e == ERR_OK ? ERR_OK : backup_fail(backup->failure, path, &fault);
}

static enum error open_output(const struct arguments *arguments, struct file_output *ret_output,
                              struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_OUT);
    const char *const inputs[] = {arguments_get(arguments, OPTION_CONFIG),
                                  arguments_get(arguments, OPTION_RECIPIENT)};
    if (strcmp(path, "-") == 0)
        return failure_set_usage(failure, "--out wants the name of a file");
    enum error e =
        file_output_refuse_inputs(path, inputs, sizeof inputs / sizeof inputs[0], failure);
    return e == ERR_OK ? file_output_open(path, ret_output, failure) : e;
}

/* ---- what the vault gives ---- */

static void ask_for_copy(void *context)
{
    struct backup *backup = context;
    Provisiond__LedgerCopyRequest copy = PROVISIOND__LEDGER_COPY_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    struct sha256 config = sha256_of(bytes_of(backup->config, backup->config_length));
    copy.config_sha256 = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = config.bytes};
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_LEDGER_COPY;
    request.ledger_copy = &copy;
    backup->result =
        admin_fetch(backup->arguments, &request, &backup->reply, &backup->ledger, backup->failure);
    if (backup->result == ERR_OK)
        backup->content = backup->reply->ledger_copy;
}

/* ---- packing ---- */

static enum error pack_ledger(struct backup *backup)
{
    struct fault fault = {0};
    if (pack_file(backup->pack, BACKUP_LEDGER, backup->ledger, backup->content->size, NULL,
                  &fault) == ERR_OK)
        return ERR_OK;
    return backup_fail(backup->failure, BACKUP_LEDGER, &fault);
}

static enum error pack_rest(struct backup *backup)
{
    struct fault fault = {0};
    enum error e = pack_bytes(backup->pack, BACKUP_CONFIG,
                              bytes_of(backup->config, backup->config_length), &fault);
    pack_note(backup->pack, backup->content->note);
    if (e == ERR_OK)
        e = pack_finish(backup->pack, backup->content->made_unix_ms, &fault);
    return e == ERR_OK
               ? ERR_OK
               : backup_fail(backup->failure, arguments_get(backup->arguments, OPTION_OUT), &fault);
}

static void pack_everything(void *context)
{
    struct backup *backup = context;
    enum error e = pack_ledger(backup);
    for (size_t i = 0; i < backup->content->n_images && e == ERR_OK; i++)
        e = backup_image_pack(backup->arguments, backup->pack, backup->content->images[i],
                              &backup->lacks, backup->failure);
    backup->result = e == ERR_OK ? pack_rest(backup) : e;
}

/* ---- the answer ---- */

static enum error check_sizes(const struct backup *backup, int64_t *ret_total)
{
    const Provisiond__LedgerCopyReply *content = backup->content;
    int64_t total = content->size;
    bool is_sane = content->size > 0 && content->journal_size >= 0 &&
                   content->n_images < BACKUP_FILES_MAX && content->made_unix_ms > 0 &&
                   strlen(content->note) < CHECKPOINT_NOTE_MAX;
    for (size_t i = 0; is_sane && i < content->n_images; i++) {
        is_sane = content->images[i]->size >= 0 && content->images[i]->size < INT64_MAX - total;
        total += is_sane ? content->images[i]->size : 0;
    }
    if (!is_sane)
        return failure_set_plain(
            backup->failure, ERR_INTERNAL,
            "The vault's answer holds values that cannot be. Are the versions equal?");
    *ret_total = total;
    return ERR_OK;
}

static json_t *lacks_to_json(const struct backup *backup)
{
    json_t *missing = json_array();
    for (size_t i = 0; i < backup->lacks.count; i++)
        (void)json_array_append_new(missing, output_digest(&backup->lacks.rows[i].image));
    return missing;
}

static enum error print_values(const struct backup *backup, int64_t total)
{
    const char *path = arguments_get(backup->arguments, OPTION_OUT);
    bool is_signed = backup->content->note[0] != '\0';
    size_t images = backup->content->n_images - backup->lacks.count;
    struct sha256 digest;
    char hex[SHA256_HEX_SIZE];
    for (size_t i = 0; i < backup->lacks.count; i++)
        total -= backup->lacks.rows[i].size;
    seal_digest(backup->seal, &digest);
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    if (arguments_has(backup->arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:I, s:I, s:o, s:I, s:i, s:b, s:s}", "file",
                                     output_text(path), "leaves",
                                     (json_int_t)backup->content->journal_size, "images",
                                     (json_int_t)images, "missing", lacks_to_json(backup), "bytes",
                                     (json_int_t)total, "parts", (int)seal_parts(backup->seal),
                                     "signed", is_signed, "sha256", hex),
                           backup->failure);
    (void)printf("leaves=%" PRId64 " images=%zu missing=%zu bytes=%" PRId64
                 " signed=%s sha256=%s\n",
                 backup->content->journal_size, images, backup->lacks.count, total,
                 is_signed ? "yes" : "no", hex);
    return ERR_OK;
}

/* The backup is there, and is not all that it should be. */
static enum error fail_incomplete(const struct backup *backup)
{
    struct failure *failure = backup->failure;
    const char *path = arguments_get(backup->arguments, OPTION_OUT);
    const char *not_signed = backup->content->not_signed;
    if (backup->lacks.count > 0)
        (void)failure_set_plain(failure, ERR_IMAGE_UNKNOWN,
                                "%s is made%s, but lacks %zu of the images, named above. Put their "
                                "files back into the folder of [vault] images, from an older "
                                "backup: nothing else has their bytes",
                                path,
                                backup->content->note[0] == '\0' ? " without a signature" : "",
                                backup->lacks.count);
    else
        (void)failure_set_plain(failure, ERR_HSM_UNAVAILABLE,
                                "%s is made, but the HSM did not sign it, and restore "
                                "--checkpoint-key will refuse it: %s",
                                path, not_signed);
    failure->exit = EXIT_CODE_INCOMPLETE;
    failure->is_told = true;
    return failure->code;
}

static enum error print_done(const struct backup *backup, int64_t total)
{
    for (size_t i = 0; i < backup->lacks.count; i++) {
        char hex[SHA256_HEX_SIZE];
        hex_encode(bytes_of(backup->lacks.rows[i].image.bytes, SHA256_SIZE), hex);
        (void)fprintf(stderr, "provctl: " BACKUP_IMAGES "/%s is not in the backup: %s.\n", hex,
                      backup->lacks.rows[i].why);
    }
    enum error e = print_values(backup, total);
    bool is_complete = backup->lacks.count == 0 && backup->content->note[0] != '\0';
    return e != ERR_OK || is_complete ? e : fail_incomplete(backup);
}

static enum error run(struct backup *backup, struct file_output *output)
{
    int64_t total = 0;
    progress_run_unsized(ask_for_copy, backup, "the vault copies its ledger");
    enum error e = backup->result;
    if (e == ERR_OK)
        e = check_sizes(backup, &total);
    if (e != ERR_OK)
        return e;
    progress_run(pack_everything, backup, output->fd, total);
    e = backup->result;
    crash_point("backup.before-name");
    if (e == ERR_OK)
        e = file_output_commit(output, bytes_of(NULL, 0), backup->failure);
    crash_point("backup.after-name");
    return e == ERR_OK ? print_done(backup, total) : e;
}

enum error command_backup(const struct arguments *arguments, struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    BACKUP_AUTO backup = {.arguments = arguments, .failure = failure, .ledger = -1};
    enum error e = read_config(&backup);
    if (e == ERR_OK)
        e = open_output(arguments, &output, failure);
    if (e == ERR_OK)
        e = open_seal(&backup, output.fd);
    return e == ERR_OK ? run(&backup, &output) : e;
}
