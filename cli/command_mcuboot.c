/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl mcuboot attach: an encrypted image and a license become one device's image. Owns no
 * state.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "image/mcuboot.h"

#define IMAGE_MAX ((uint64_t)64 * 1024 * 1024)

/* What is put together. */
struct attachment {
    int fd; /* of the image; -1 */
    uint64_t size;
    struct mcuboot_image image;
    uint8_t *license;
    size_t license_length;
    enum mcuboot_tlv type;
    uint8_t *bytes; /* the device's image */
    size_t length;
};

static void attachment_clear(struct attachment *attachment)
{
    if (attachment->fd >= 0)
        (void)close(attachment->fd);
    free(attachment->license);
    free(attachment->bytes);
}
#define ATTACHMENT_AUTO __attribute__((cleanup(attachment_clear))) struct attachment

static enum error fail(struct failure *failure, const char *path, const struct fault *fault)
{
    return failure_set_plain(failure, fault->code, "%s: %s", path, fault->detail);
}

static enum error open_image(const char *path, struct attachment *attachment,
                             struct failure *failure)
{
    struct stat info;
    struct fault fault = {0};
    attachment->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (attachment->fd < 0 || fstat(attachment->fd, &info) != 0)
        return failure_set_plain(failure, ERR_CONFIG, "%s cannot be read: %s", path,
                                 strerror(errno));
    if (!S_ISREG(info.st_mode) || (uint64_t)info.st_size > IMAGE_MAX)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "%s is not a plain file of at most 64 MiB", path);
    attachment->size = (uint64_t)info.st_size;
    if (mcuboot_read(attachment->fd, attachment->size, &attachment->image, &fault) != ERR_OK)
        return fail(failure, path, &fault);
    return ERR_OK;
}

static enum error read_license(const char *path, struct attachment *attachment,
                               struct failure *failure)
{
    enum error e = file_input_read_bytes(path, MCUBOOT_BODY_MAX_BYTES, &attachment->license,
                                         &attachment->license_length, failure);
    if (e != ERR_OK)
        return e;
    if (mcuboot_tlv_of(&attachment->image, attachment->license_length, &attachment->type))
        return ERR_OK;
    return failure_set_plain(failure, ERR_BAD_REQUEST,
                             "%s is no license for this image: no TLV of an AES-%u image has its "
                             "length",
                             path, 8 * attachment->image.key_bytes);
}

static enum error read_head(const char *path, struct attachment *attachment,
                            struct failure *failure)
{
    const size_t head = (size_t)attachment->image.area_offset;
    size_t done = 0;
    while (done < head) {
        ssize_t n = pread(attachment->fd, attachment->bytes + done, head - done, (off_t)done);
        if (n <= 0)
            return failure_set_plain(failure, ERR_CONFIG, "%s cannot be read: %s", path,
                                     n == 0 ? "it was cut off meanwhile" : strerror(errno));
        done += (size_t)n;
    }
    attachment->length = head;
    return ERR_OK;
}

static enum error attach(const char *path, struct attachment *attachment, struct failure *failure)
{
    struct fault fault = {0};
    size_t area = 0;
    attachment->bytes = malloc((size_t)attachment->image.area_offset + MCUBOOT_AREA_MAX_BYTES);
    if (attachment->bytes == NULL)
        return failure_set_memory(failure);
    enum error e = read_head(path, attachment, failure);
    if (e != ERR_OK)
        return e;
    if (mcuboot_area(attachment->fd, &attachment->image, attachment->type,
                     bytes_of(attachment->license, attachment->license_length),
                     attachment->bytes + attachment->length, &area, &fault) != ERR_OK)
        return fail(failure, path, &fault);
    attachment->length += area;
    return ERR_OK;
}

enum error command_mcuboot_attach(const struct arguments *arguments, struct failure *failure)
{
    const char *image = arguments->operands[0];
    const char *license = arguments->operands[1];
    const char *out = arguments_get(arguments, OPTION_OUT);
    ATTACHMENT_AUTO attachment = {.fd = -1};
    FILE_OUTPUT_AUTO output = {0};
    enum error e =
        file_output_refuse_inputs(out, (const char *const[]){image, license}, 2, failure);
    if (e == ERR_OK)
        e = open_image(image, &attachment, failure);
    if (e == ERR_OK)
        e = read_license(license, &attachment, failure);
    if (e == ERR_OK)
        e = file_output_open(out, &output, failure);
    if (e == ERR_OK)
        e = attach(image, &attachment, failure);
    if (e == ERR_OK)
        e = file_output_commit(&output, bytes_of(attachment.bytes, attachment.length), failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_JSON))
        e = output_json(json_pack("{s:I, s:I}", "tlv", (json_int_t)attachment.type, "size",
                                  (json_int_t)attachment.length),
                        failure);
    return e;
}
