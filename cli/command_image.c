/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl image encrypt, list, enable and disable. Owns no state. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/clock.h"

/* The work of the second thread while the first draws the bar. */
struct encryption {
    const struct arguments *arguments;
    const Provisiond__AdminRequest *request;
    int file;
    Provisiond__AdminReply *reply;
    struct failure *failure;
    enum error result;
};

static void encrypt_in_vault(void *context)
{
    struct encryption *encryption = context;
    encryption->result = admin_ask(encryption->arguments, encryption->request, encryption->file,
                                   &encryption->reply, encryption->failure);
}

/* A regular file with something in it: the HSM worker reads it from its beginning. */
static enum error open_firmware(const char *path, int *ret_fd, int64_t *ret_size,
                                struct failure *failure)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not block the open */
    if (fd < 0)
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s cannot be read: %s", path,
                                 strerror(errno));
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) {
        (void)close(fd);
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s is empty or not a plain file", path);
    }
    *ret_fd = fd;
    *ret_size = info.st_size;
    return ERR_OK;
}

static enum error print_encrypted(const Provisiond__ImageEncryptReply *reply, bool is_json,
                                  struct failure *failure)
{
    struct sha256 digest;
    char text[IMAGE_REFERENCE_SIZE];
    enum error e = admin_read_digest(reply->image, &digest, failure);
    if (e != ERR_OK)
        return e;
    if (is_json)
        return output_json(json_pack("{s:o, s:I}", "image", output_digest(&digest), "size",
                                     (json_int_t)reply->size),
                           failure);
    image_reference_format(&digest, text);
    (void)puts(text);
    return ERR_OK;
}

static enum error encrypt(const struct arguments *arguments, int file, int64_t size,
                          struct failure *failure)
{
    Provisiond__ImageEncryptRequest encrypt = PROVISIOND__IMAGE_ENCRYPT_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    struct encryption work = {
        .arguments = arguments, .request = &request, .file = file, .failure = failure};
    encrypt.product = (char *)arguments_get(arguments, OPTION_PRODUCT);
    encrypt.label = (char *)arguments_get_or(arguments, OPTION_LABEL, "");
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENCRYPT;
    request.image_encrypt = &encrypt;
    progress_run(encrypt_in_vault, &work, file, size);
    ADMIN_REPLY_AUTO reply = work.reply;
    if (work.result != ERR_OK)
        return work.result;
    return print_encrypted(reply->image_encrypt, arguments_has(arguments, OPTION_JSON), failure);
}

enum error command_image_encrypt(const struct arguments *arguments, struct failure *failure)
{
    int file = -1;
    int64_t size = 0;
    if (strcmp(arguments_get_or(arguments, OPTION_FORMAT, "cms"), "cms") != 0)
        return failure_set_usage(failure, "--format knows cms only");
    enum error e = open_firmware(arguments->operands[0], &file, &size, failure);
    if (e != ERR_OK)
        return e;
    e = encrypt(arguments, file, size, failure);
    (void)close(file);
    return e;
}

/* ---- the list ---- */

/* All digests first, so that a wrong answer prints nothing. */
static enum error check_images(const Provisiond__ImageListReply *list, struct failure *failure)
{
    struct sha256 digest;
    enum error e = ERR_OK;
    for (size_t i = 0; i < list->n_images && e == ERR_OK; i++)
        e = admin_read_digest(list->images[i]->image, &digest, failure);
    return e;
}

static struct sha256 digest_of(const Provisiond__ImageEntry *image)
{
    struct sha256 digest;
    memcpy(digest.bytes, image->image.data, SHA256_SIZE);
    return digest;
}

static json_t *image_to_json(const Provisiond__ImageEntry *image)
{
    struct sha256 digest = digest_of(image);
    char created[TIMESTAMP_SIZE];
    timestamp_format(image->created_unix_ms, created);
    return json_pack("{s:o, s:o, s:I, s:b, s:b, s:s}", "image", output_digest(&digest), "label",
                     output_text(image->label), "size", (json_int_t)image->size, "enabled",
                     (int)image->enabled, "latest", (int)image->latest, "created", created);
}

static enum error print_images_json(const Provisiond__ImageListReply *list, struct failure *failure)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->n_images; i++)
        (void)json_array_append_new(array, image_to_json(list->images[i]));
    return output_json(json_pack("{s:o}", "images", array), failure);
}

static const char *state_of(const Provisiond__ImageEntry *image)
{
    if (!image->enabled)
        return "disabled";
    return image->latest ? "latest" : "enabled";
}

static void add_image(struct table *table, const Provisiond__ImageEntry *image)
{
    struct sha256 digest = digest_of(image);
    char reference[IMAGE_REFERENCE_SIZE];
    char created[TIMESTAMP_SIZE];
    char size[NUMBER_TEXT_SIZE];
    image_reference_format(&digest, reference);
    timestamp_format(image->created_unix_ms, created);
    const char *const cells[] = {reference, image->label, state_of(image), created,
                                 text_number((int64_t)image->size, size)};
    table_add_row(table, cells);
}

static enum error print_images(const Provisiond__ImageListReply *list, struct failure *failure)
{
    static const struct table_column columns[] = {
        {"IMAGE", false}, {"LABEL", false}, {"STATE", false}, {"CREATED", false}, {"BYTES", true}};
    TABLE_AUTO table = table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->n_images; i++)
        add_image(table, list->images[i]);
    output_note_empty(list->n_images, "images");
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

enum error command_image_list(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__ImageListRequest list = PROVISIOND__IMAGE_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    list.product = (char *)arguments_get(arguments, OPTION_PRODUCT);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_LIST;
    request.image_list = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        e = check_images(reply->image_list, failure);
    if (e != ERR_OK)
        return e;
    return arguments_has(arguments, OPTION_JSON) ? print_images_json(reply->image_list, failure)
                                                 : print_images(reply->image_list, failure);
}

/* ---- enable and disable ---- */

static enum error set_enabled(const struct arguments *arguments, bool is_enabled,
                              struct failure *failure)
{
    Provisiond__ImageEnableRequest enable = PROVISIOND__IMAGE_ENABLE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    struct sha256 digest;
    if (!answer_parse_digest(arguments->operands[0], &digest))
        return failure_set_usage(failure, "%s is no digest; it looks like sha256: and 64 digits",
                                 arguments->operands[0]);
    enable.product = (char *)arguments_get(arguments, OPTION_PRODUCT);
    enable.image = (ProtobufCBinaryData){.data = digest.bytes, .len = SHA256_SIZE};
    enable.enabled = is_enabled;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENABLE;
    request.image_enable = &enable;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(
            json_pack("{s:o, s:b}", "image", output_digest(&digest), "enabled", (int)is_enabled),
            failure);
    (void)printf("The image is %s.\n", is_enabled ? "enabled" : "disabled");
    return ERR_OK;
}

enum error command_image_enable(const struct arguments *arguments, struct failure *failure)
{
    return set_enabled(arguments, true, failure);
}

enum error command_image_disable(const struct arguments *arguments, struct failure *failure)
{
    return set_enabled(arguments, false, failure);
}
