/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl standby import: the file is read to its end before the vault hears of it, then image by
 * image. What a cut leaves is whole images; the next run goes on. Owns no state.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "handover/handover.h"

struct import {
    const struct arguments *arguments;
    const char *path;
    FILE *stream;
    struct handover_header header;
    struct sha256 file;
    int64_t added;
    struct failure *failure;
};

/* ---- the file ---- */

static enum error fail_file(struct import *import, const struct fault *fault)
{
    return failure_set_plain(import->failure, fault->code, "%s, line %ld: %s", import->path,
                             fault->native, fault->detail);
}

static enum error open_file(struct import *import)
{
    struct stat info;
    import->stream = fopen(import->path, "re");
    if (import->stream == NULL)
        return failure_set_plain(import->failure, ERR_CONFIG, "%s cannot be read: %s", import->path,
                                 strerror(errno));
    if (fstat(fileno(import->stream), &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_size > HANDOVER_FILE_MAX)
        return failure_set_usage(import->failure,
                                 "%s is no file of session keys: not a file, or too large",
                                 import->path);
    return ERR_OK;
}

/* Calls each for every image; NULL reads only. */
static enum error read_all(struct import *import,
                           enum error (*each)(struct import *import,
                                              const struct handover_image *image))
{
    struct handover_file file = {.stream = import->stream};
    struct handover_image image;
    struct fault fault = {0};
    rewind(import->stream);
    enum error e = handover_read_header(&file, &import->header, &fault);
    for (int64_t i = 0; e == ERR_OK && i < file.images && import->failure->code == ERR_OK; i++) {
        e = handover_read_image(&file, &image, &fault);
        if (e == ERR_OK && each != NULL && each(import, &image) != ERR_OK)
            break;
    }
    if (e == ERR_OK && import->failure->code == ERR_OK)
        e = handover_read_end(&file, &import->file, &fault);
    handover_file_clear(&file);
    return e == ERR_OK ? import->failure->code : fail_file(import, &fault);
}

/* ---- an image ---- */

/* -1 when the folder does not have it: the vault may. */
static enum error open_image(struct import *import, const char *name, int *ret_file)
{
    char path[PATH_MAX];
    const char *folder = arguments_get(import->arguments, OPTION_IMAGES);
    *ret_file = -1;
    if (folder == NULL)
        return ERR_OK;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return failure_set_usage(import->failure, "The path of --images is too long");
    *ret_file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*ret_file < 0 && errno != ENOENT)
        return failure_set_plain(import->failure, ERR_CONFIG, "%s cannot be read: %s", path,
                                 strerror(errno));
    return ERR_OK;
}

static ProtobufCBinaryData binary(const void *data, size_t length)
{
    return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)data};
}

static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void fill(const struct handover_header *header, const struct handover_image *image,
                 Provisiond__StandbyImportRequest *out)
{
    out->hsm = binary(header->hsm.bytes, SHA256_SIZE);
    out->standby = binary(header->standby.bytes, SHA256_SIZE);
    out->transport_key = binary(header->transport_key.bytes, SHA256_SIZE);
    out->product = borrow(header->product);
    out->profile = borrow(header->profile);
    out->authorities = binary(header->authorities, header->authorities_length);
    out->images = header->images;
    out->made_unix_ms = header->made_unix_ms;
    out->image = binary(image->digest.bytes, SHA256_SIZE);
    out->size = image->size;
    out->created_unix_ms = image->created_unix_ms;
    out->enabled = image->is_enabled;
    out->label = borrow(image->label);
    out->alias = borrow(image->alias);
    out->iv = binary(image->iv, image->iv_length);
    out->tag = binary(image->tag, image->tag_length);
    out->content = borrow(image->content);
    out->point = binary(image->point, sizeof image->point);
    out->key = binary(image->key, image->key_length);
}

/* The vault's words, and which image they are about. */
static enum error name_image(struct import *import, const char *name)
{
    struct failure *failure = import->failure;
    char what[FAILURE_WHAT_MAX];
    (void)snprintf(what, sizeof what, "Image %.16s...: %.*s", name, (int)(sizeof what - 64),
                   failure->what);
    (void)snprintf(failure->what, sizeof failure->what, "%s", what);
    return failure->code;
}

static enum error import_image(struct import *import, const struct handover_image *image)
{
    Provisiond__StandbyImportRequest asked = PROVISIOND__STANDBY_IMPORT_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    char name[SHA256_HEX_SIZE];
    int file = -1;
    hex_encode(bytes_of(image->digest.bytes, SHA256_SIZE), name);
    fill(&import->header, image, &asked);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STANDBY_IMPORT;
    request.standby_import = &asked;
    enum error e = open_image(import, name, &file);
    if (e != ERR_OK)
        return e;
    e = admin_ask(import->arguments, &request, file, &reply, import->failure);
    if (file >= 0)
        (void)close(file);
    if (e != ERR_OK)
        return name_image(import, name);
    import->added += reply->standby_import->is_new;
    return ERR_OK;
}

/* ---- the command ---- */

static enum error print_imported(const struct import *import)
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(import->file.bytes, SHA256_SIZE), hex);
    if (arguments_has(import->arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:I, s:I, s:s}", "product",
                                     output_text(import->header.product), "images",
                                     (json_int_t)import->header.images, "new",
                                     (json_int_t)import->added, "sha256", hex),
                           import->failure);
    (void)printf("product=%s images=%" PRId64 " new=%" PRId64 " sha256=%s\n",
                 import->header.product, import->header.images, import->added, hex);
    return ERR_OK;
}

enum error command_standby_import(const struct arguments *arguments, struct failure *failure)
{
    struct import import = {
        .arguments = arguments, .path = arguments->operands[0], .failure = failure};
    enum error e = open_file(&import);
    if (e == ERR_OK)
        e = read_all(&import, NULL);
    if (e == ERR_OK)
        e = read_all(&import, import_image);
    if (import.stream != NULL)
        (void)fclose(import.stream);
    return e == ERR_OK ? print_imported(&import) : e;
}
