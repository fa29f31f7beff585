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

#include "backup/pack.h"
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "config/config.h"
#include "core/clock.h"
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
}

/* A fault of the backup's own code about a file that has a name here. */
static enum error fail(struct failure *failure, const char *path, const struct fault *fault)
{
    return failure_set_plain(failure, fault->code, "%s: %s%s%s", path, fault->detail,
                             fault->native != 0 ? " " : "",
                             fault->native != 0 ? strerror((int)fault->native) : "");
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
    return e == ERR_OK ? ERR_OK : fail(backup->failure, path, &fault);
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
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_LEDGER_COPY;
    request.ledger_copy = &copy;
    backup->result =
        admin_fetch(backup->arguments, &request, &backup->reply, &backup->ledger, backup->failure);
    if (backup->result == ERR_OK)
        backup->content = backup->reply->ledger_copy;
}

static enum error fetch_image(struct backup *backup, const Provisiond__ImageFile *image,
                              int *ret_file)
{
    ADMIN_REPLY_AUTO reply = NULL;
    Provisiond__ImageFileRequest wanted = PROVISIOND__IMAGE_FILE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_FILE;
    request.image_file = &wanted;
    wanted.digest = image->digest;
    return admin_fetch(backup->arguments, &request, &reply, ret_file, backup->failure);
}

/* ---- packing ---- */

static enum error pack_ledger(struct backup *backup)
{
    struct fault fault = {0};
    if (pack_file(backup->pack, BACKUP_LEDGER, backup->ledger, backup->content->size, NULL,
                  &fault) == ERR_OK)
        return ERR_OK;
    return fail(backup->failure, BACKUP_LEDGER, &fault);
}

static enum error fail_image(struct failure *failure, const char *name)
{
    return failure_set_plain(failure, ERR_CONFLICT,
                             "The stored file of %s is not the image that its name says: it is "
                             "damaged. Put it back from an older backup, or take the image again",
                             name);
}

static enum error pack_image(struct backup *backup, const Provisiond__ImageFile *image)
{
    char name[BACKUP_NAME_MAX] = BACKUP_IMAGES "/";
    struct fault fault = {0};
    struct sha256 digest;
    struct sha256 packed;
    int file = -1;
    enum error e = admin_read_digest(image->digest, &digest, backup->failure);
    if (e == ERR_OK)
        e = fetch_image(backup, image, &file);
    if (e != ERR_OK)
        return e;
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), name + strlen(name));
    e = pack_file(backup->pack, name, file, image->size, &packed, &fault);
    (void)close(file);
    if (e != ERR_OK)
        return fail(backup->failure, name, &fault);
    return sha256_equal(&digest, &packed) ? ERR_OK : fail_image(backup->failure, name);
}

static enum error pack_rest(struct backup *backup)
{
    struct fault fault = {0};
    enum error e = pack_bytes(backup->pack, BACKUP_CONFIG,
                              bytes_of(backup->config, backup->config_length), &fault);
    if (e == ERR_OK)
        e = pack_finish(backup->pack, clock_unix_ms(), &fault);
    return e == ERR_OK
               ? ERR_OK
               : fail(backup->failure, arguments_get(backup->arguments, OPTION_OUT), &fault);
}

static void pack_everything(void *context)
{
    struct backup *backup = context;
    enum error e = pack_ledger(backup);
    for (size_t i = 0; i < backup->content->n_images && e == ERR_OK; i++)
        e = pack_image(backup, backup->content->images[i]);
    backup->result = e == ERR_OK ? pack_rest(backup) : e;
}

/* ---- the answer ---- */

static enum error check_sizes(const struct backup *backup, int64_t *ret_total)
{
    const Provisiond__LedgerCopyReply *content = backup->content;
    int64_t total = content->size;
    bool is_sane =
        content->size > 0 && content->journal_size >= 0 && content->n_images < BACKUP_FILES_MAX;
    for (size_t i = 0; is_sane && i < content->n_images; i++) {
        is_sane = content->images[i]->size >= 0 && content->images[i]->size < INT64_MAX - total;
        total += is_sane ? content->images[i]->size : 0;
    }
    if (!is_sane)
        return failure_set_plain(backup->failure, ERR_INTERNAL,
                                 "The vault's answer holds sizes that cannot be");
    *ret_total = total;
    return ERR_OK;
}

static enum error print_done(const struct backup *backup, int64_t total)
{
    const char *path = arguments_get(backup->arguments, OPTION_OUT);
    if (arguments_has(backup->arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:I, s:I, s:I, s:i}", "file", output_text(path),
                                     "leaves", (json_int_t)backup->content->journal_size, "images",
                                     (json_int_t)backup->content->n_images, "bytes",
                                     (json_int_t)total, "parts", (int)seal_parts(backup->seal)),
                           backup->failure);
    (void)printf("leaves=%" PRId64 " images=%zu bytes=%" PRId64 "\n", backup->content->journal_size,
                 backup->content->n_images, total);
    return ERR_OK;
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
