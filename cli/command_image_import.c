/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl image import: what the head of a package says goes to the vault, with the file behind it
 * as a descriptor. Owns no state.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/admin_work.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "handover/package.h"

/* A package that was opened, at its encrypted image. */
struct opened {
    int fd; /* -1 */
    struct package package;
};

static void close_opened(struct opened *opened)
{
    if (opened->fd >= 0)
        (void)close(opened->fd);
}

#define OPENED_AUTO __attribute__((cleanup(close_opened))) struct opened

/* ---- the file ---- */

static enum error read_head(const char *path, int64_t size, struct opened *opened,
                            struct failure *failure)
{
    char head[PACKAGE_HEAD_MAX];
    struct fault fault = {0};
    size_t length = 0;
    const ssize_t n = pread(opened->fd, head, sizeof head, 0);
    if (n < 0)
        return failure_set_plain(failure, ERR_CONFIG, "%s cannot be read: %s", path,
                                 strerror(errno));
    if (package_read_head(head, (size_t)n, &opened->package, &length, &fault) != ERR_OK)
        return failure_set_plain(failure, fault.code, "%s: %s", path, fault.detail);
    if (size - (int64_t)length != opened->package.size)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "%s has %" PRId64 " bytes behind its head and must have %" PRId64
                                 ": it was cut off, or goes on. Copy it again",
                                 path, size - (int64_t)length, opened->package.size);
    if (lseek(opened->fd, (off_t)length, SEEK_SET) != (off_t)length)
        return failure_set_plain(failure, ERR_CONFIG, "%s cannot be read: %s", path,
                                 strerror(errno));
    return ERR_OK;
}

static enum error open_package(const char *path, struct opened *opened, struct failure *failure)
{
    struct stat info;
    opened->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not block */
    if (opened->fd < 0)
        return failure_set_plain(failure, ERR_CONFIG, "%s cannot be read: %s", path,
                                 strerror(errno));
    if (fstat(opened->fd, &info) != 0 || !S_ISREG(info.st_mode))
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s is not a plain file", path);
    return read_head(path, info.st_size, opened, failure);
}

/* ---- the request ---- */

static ProtobufCBinaryData binary(const void *data, size_t length)
{
    return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)data};
}

static void fill(const struct package *package, Provisiond__ImageImportRequest *out)
{
    out->transport_key = binary(package->transport_key.bytes, SHA256_SIZE);
    out->product = (char *)(uintptr_t)package->product;
    out->profile = (char *)(uintptr_t)package->profile;
    out->content = (char *)(uintptr_t)package->content;
    out->authorities = binary(package->authorities, package->authorities_length);
    out->image = binary(package->image.bytes, SHA256_SIZE);
    out->size = package->size;
    out->made_unix_ms = package->made_unix_ms;
    out->label = (char *)(uintptr_t)package->label;
    out->iv = binary(package->iv, package->iv_length);
    out->tag = binary(package->tag, package->tag_length);
    out->point = binary(package->point, sizeof package->point);
    out->key = binary(package->key, package->key_length);
}

/* ---- the command ---- */

static enum error print_imported(const struct arguments *arguments, const struct package *package,
                                 bool is_new, struct failure *failure)
{
    char text[IMAGE_REFERENCE_SIZE];
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:I, s:b}", "image", output_digest(&package->image),
                                     "size", (json_int_t)package->size, "new", (int)is_new),
                           failure);
    if (!is_new)
        (void)fputs("The image was there already; nothing was changed.\n", stderr);
    image_reference_format(&package->image, text);
    (void)puts(text);
    return ERR_OK;
}

enum error command_image_import(const struct arguments *arguments, struct failure *failure)
{
    OPENED_AUTO opened = {.fd = -1};
    Provisiond__ImageImportRequest asked = PROVISIOND__IMAGE_IMPORT_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    enum error e = open_package(arguments->operands[0], &opened, failure);
    if (e != ERR_OK)
        return e;
    fill(&opened.package, &asked);
    asked.for_product = (char *)(uintptr_t)arguments_get(arguments, OPTION_PRODUCT);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_IMPORT;
    request.image_import = &asked;
    struct admin_work work = {
        .arguments = arguments, .request = &request, .file = opened.fd, .failure = failure};
    progress_run_unsized(admin_work_ask, &work, "Taking the image in");
    ADMIN_REPLY_AUTO reply = work.reply;
    if (work.result != ERR_OK)
        return work.result;
    return print_imported(arguments, &opened.package, reply->image_import->is_new, failure);
}
