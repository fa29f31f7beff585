/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading of firmware files, and the plan of an image. Owns no state between calls. */
#include "cli/firmware.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file_input.h"
#include "cli/firmware_kind.h"
#include "cli/hex.h"
#include "cli/objcopy.h"
#include "image/st_sfi.h"

/* What is cleansed when it is not needed any more. */
struct content {
    uint8_t *data;
    size_t length;
};
#define CONTENT_AUTO __attribute__((cleanup(content_clear))) struct content
#define IMAGE_AUTO   __attribute__((cleanup(hex_image_clear))) struct hex_image
#define PLAN_AUTO    __attribute__((cleanup(plan_clear))) struct st_sfi_plan

static void content_clear(struct content *content)
{
    if (content->data != NULL)
        explicit_bzero(content->data, content->length);
    free(content->data);
    *content = (struct content){0};
}

static void plan_clear(struct st_sfi_plan **plan)
{
    st_sfi_plan_free(*plan);
}

/* ---- files ---- */

enum error firmware_open(const char *path, struct firmware_file *ret_file, struct failure *failure)
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
    *ret_file = (struct firmware_file){.fd = fd, .size = info.st_size};
    return ERR_OK;
}

static enum error make_memory(int *ret_fd, struct failure *failure)
{
    int fd = memfd_create("provctl", MFD_CLOEXEC);
    if (fd < 0)
        return failure_set_plain(failure, ERR_CONFIG, "A file in memory cannot be made: %s",
                                 strerror(errno));
    *ret_fd = fd;
    return ERR_OK;
}

/* All of a plain file; name is what it is called in a failure. */
static enum error read_content(int fd, const char *name, struct content *ret_content,
                               struct failure *failure)
{
    struct stat info;
    size_t length = 0;
    if (fstat(fd, &info) != 0 || info.st_size > FIRMWARE_MAX_BYTES)
        return failure_set_plain(failure, ERR_TOO_LARGE, "%s is larger than %" PRId64 " MiB", name,
                                 FIRMWARE_MAX_BYTES / 1024 / 1024);
    struct content content = {.data = malloc((size_t)info.st_size + 1),
                              .length = (size_t)info.st_size};
    if (content.data == NULL)
        return failure_set_memory(failure);
    content.data[content.length] = '\0'; /* whoever looks at the first byte finds one */
    while (length < content.length) {
        ssize_t n = pread(fd, content.data + length, content.length - length, (off_t)length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            content_clear(&content);
            return failure_set_plain(failure, ERR_BAD_REQUEST, "%s cannot be read: %s", name,
                                     n == 0 ? "it became shorter" : strerror(errno));
        }
        length += (size_t)n;
    }
    *ret_content = content;
    return ERR_OK;
}

/* ---- segments ---- */

/* What is packed, and how it is called. */
struct packing {
    const struct firmware_source *source;
    struct st_sfi_plan *plan;
    struct firmware_summary *summary;
    struct failure *failure;
};

static enum error fail_segment(const struct packing *packing, const struct st_sfi_segment *segment,
                               const struct fault *fault)
{
    const struct firmware_source *source = packing->source;
    if (segment->type == ST_SFI_OPTIONS)
        return failure_set_plain(packing->failure, fault->code, "The option bytes of %s: %s",
                                 source->option_bytes, fault->detail);
    return failure_set_plain(
        packing->failure, fault->code, "The segment of %zu bytes at 0x%08" PRIx64 " of %s: %s",
        segment->content.length, segment->address, source->path, fault->detail);
}

static void sum_up(struct firmware_summary *summary, const struct st_sfi_segment *segment)
{
    size_t length = segment->content.length;
    if (segment->type == ST_SFI_OPTIONS) {
        summary->option_bytes = length;
        summary->areas++;
        return;
    }
    if (summary->range_count < FIRMWARE_RANGES_SHOWN)
        summary->ranges[summary->range_count] =
            (struct firmware_range){.address = segment->address,
                                    .length = length,
                                    .is_external = segment->type == ST_SFI_EXTERNAL};
    summary->range_count++;
    summary->bytes += length;
    summary->areas += (length + ST_SFI_AREA_BYTES - 1) / ST_SFI_AREA_BYTES;
}

static enum error add_piece(const struct packing *packing, const struct st_sfi_segment *segment)
{
    struct fault fault = {0};
    enum error e = st_sfi_plan_add(packing->plan, segment, &fault);
    if (e != ERR_OK)
        return fail_segment(packing, segment, &fault);
    sum_up(packing->summary, segment);
    return ERR_OK;
}

/* A segment that reaches into external flash is two: the plan knows the kind of memory. */
static enum error add_segment(const struct packing *packing, uint64_t address, struct bytes content)
{
    uint64_t from = packing->source->external_from;
    size_t internal = content.length;
    enum error e = ERR_OK;
    if (address >= from)
        internal = 0;
    else if (from - address < content.length)
        internal = (size_t)(from - address);
    if (internal > 0)
        e = add_piece(packing,
                      &(struct st_sfi_segment){.type = ST_SFI_FIRMWARE,
                                               .address = address,
                                               .content = bytes_of(content.data, internal)});
    if (e == ERR_OK && internal < content.length)
        e = add_piece(packing,
                      &(struct st_sfi_segment){
                          .type = ST_SFI_EXTERNAL,
                          .address = address + internal,
                          .content = bytes_of(content.data + internal, content.length - internal)});
    return e;
}

static enum error write_plan(const struct packing *packing, struct firmware_file *ret_file)
{
    struct fault fault = {0};
    int fd = -1;
    enum error e = make_memory(&fd, packing->failure);
    if (e != ERR_OK)
        return e;
    e = st_sfi_plan_write(packing->plan, fd, &fault);
    if (e != ERR_OK)
        e = failure_set_plain(packing->failure, e, "%s: %s", packing->source->path, fault.detail);
    off_t size = lseek(fd, 0, SEEK_CUR);
    if (e != ERR_OK || size < 0 || lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        return e != ERR_OK ? e : failure_set_memory(packing->failure);
    }
    *ret_file = (struct firmware_file){.fd = fd, .size = size};
    return ERR_OK;
}

/* The bytes as the chip takes them: the text of a firmware file would be programmed as it is. */
static enum error read_options(const struct packing *packing, struct content *options)
{
    const char *path = packing->source->option_bytes;
    enum error e = file_input_read_bytes(path, ST_SFI_OPTIONS_MAX_BYTES, &options->data,
                                         &options->length, packing->failure);
    if (e != ERR_OK)
        return e;
    enum firmware_kind kind = firmware_kind_prove(bytes_of(options->data, options->length));
    if (kind == FIRMWARE_OTHER)
        return ERR_OK;
    return failure_set_plain(packing->failure, ERR_BAD_REQUEST,
                             "%s is %s; option bytes are a flat binary", path,
                             firmware_kind_name(kind));
}

/* Takes the segments, adds the option bytes, and writes all. The contents are borrowed. */
static enum error pack(struct packing *packing, const struct hex_image *image,
                       struct firmware_file *ret_file)
{
    PLAN_AUTO *plan = NULL;
    CONTENT_AUTO options = {0};
    enum error e = read_options(packing, &options);
    if (e == ERR_OK && st_sfi_plan_new(&plan) != ERR_OK)
        e = failure_set_memory(packing->failure);
    packing->plan = plan;
    for (size_t i = 0; i < image->count && e == ERR_OK; i++)
        e = add_segment(packing, image->segments[i].address, image->segments[i].content);
    if (e == ERR_OK)
        e = add_piece(packing,
                      &(struct st_sfi_segment){.type = ST_SFI_OPTIONS,
                                               .content = bytes_of(options.data, options.length)});
    if (e == ERR_OK)
        e = write_plan(packing, ret_file);
    packing->plan = NULL;
    return e;
}

/* ---- kinds of files ---- */

/* Replaces the content by the same firmware as Intel HEX. */
static enum error convert(int fd, const char *path, struct content *content,
                          struct failure *failure)
{
    int hex = -1;
    enum error e = make_memory(&hex, failure);
    if (e != ERR_OK)
        return e;
    content_clear(content);
    e = objcopy_to_hex(fd, hex, path, OBJCOPY_TIMEOUT_MS, failure);
    if (e == ERR_OK)
        e = read_content(hex, path, content, failure);
    (void)close(hex);
    return e;
}

static enum error pack_flat(struct packing *packing, const struct content *content,
                            struct firmware_file *ret_file)
{
    const struct firmware_source *source = packing->source;
    struct hex_segment segment = {.address = source->address,
                                  .content = bytes_of(content->data, content->length)};
    const struct hex_image image = {.segments = &segment, .count = 1};
    enum firmware_kind kind = firmware_kind_prove(segment.content);
    if (kind != FIRMWARE_OTHER)
        return failure_set_plain(
            packing->failure, ERR_BAD_REQUEST, "%s is %s and not a flat binary%s", source->path,
            firmware_kind_name(kind),
            kind == FIRMWARE_SFI ? "" : ". It knows its addresses: leave --address out");
    return pack(packing, &image, ret_file);
}

static enum error pack_by_content(struct packing *packing, int fd, struct content *content,
                                  struct firmware_file *ret_file)
{
    IMAGE_AUTO image = {0};
    const char *path = packing->source->path;
    enum firmware_kind kind = firmware_kind_guess(bytes_of(content->data, content->length));
    enum error e = ERR_OK;
    if (kind == FIRMWARE_ELF || kind == FIRMWARE_SRECORDS)
        e = convert(fd, path, content, packing->failure);
    else if (kind == FIRMWARE_SFI)
        e = failure_set_plain(packing->failure, ERR_BAD_REQUEST, "%s is %s", path,
                              firmware_kind_name(kind));
    else if (kind != FIRMWARE_HEX)
        e = failure_set_plain(packing->failure, ERR_BAD_REQUEST,
                              "%s is neither Intel HEX nor ELF nor S-records. Give --address for a "
                              "flat binary",
                              path);
    if (e == ERR_OK)
        e = hex_read(path, bytes_of(content->data, content->length), ST_SFI_ALIGNMENT, &image,
                     packing->failure);
    content_clear(content);
    return e == ERR_OK ? pack(packing, &image, ret_file) : e;
}

enum error firmware_pack(const struct firmware_source *source, struct firmware_file *ret_file,
                         struct firmware_summary *ret_summary, struct failure *failure)
{
    CONTENT_AUTO content = {0};
    struct firmware_file file;
    struct firmware_summary summary = {0};
    struct packing packing = {.source = source, .summary = &summary, .failure = failure};
    enum error e = firmware_open(source->path, &file, failure);
    if (e != ERR_OK)
        return e;
    e = read_content(file.fd, source->path, &content, failure);
    if (e == ERR_OK && source->is_flat)
        e = pack_flat(&packing, &content, ret_file);
    else if (e == ERR_OK)
        e = pack_by_content(&packing, file.fd, &content, ret_file);
    (void)close(file.fd);
    if (e == ERR_OK)
        *ret_summary = summary;
    return e;
}
