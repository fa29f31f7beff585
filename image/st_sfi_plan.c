/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The packer's side of st_sfi.h. A plan holds its segments in their order and, beside them, what
 * they take of the flash in the order of addresses; areas are cut when they are written. It belongs
 * to one thread.
 */
#include "image/st_sfi.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/st_sfi_rules.h"

#define FIRST_CAPACITY  16
#define LENGTHS_BYTES   8 /* in front of a record: of additional data and text */
#define RECORD_MAX      (LENGTHS_BYTES + ST_SFI_AREA_AAD + ST_SFI_AREA_MAX_BYTES)
#define OTHER_AREAS_MAX (ST_SFI_AREAS_MAX - 1) /* one is the configuration's */

/* Part of the address space; end is the first byte behind it. */
struct extent {
    uint64_t begin;
    uint64_t end;
};

struct st_sfi_plan {
    struct st_sfi_segment *segments; /* without the configuration */
    size_t segment_count;
    size_t capacity;
    size_t areas;  /* of the segments */
    void *extents; /* tsearch(3) over struct extent: the flash segments */
    struct st_sfi_segment options;
    bool has_options;
};

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for a segment.", 0);
}

enum error st_sfi_plan_new(struct st_sfi_plan **ret_plan)
{
    struct st_sfi_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL)
        return ERR_INTERNAL;
    *ret_plan = plan;
    return ERR_OK;
}

void st_sfi_plan_free(struct st_sfi_plan *plan)
{
    if (plan == NULL)
        return;
    free(plan->segments);
    tdestroy(plan->extents, free);
    free(plan);
}

/* ---- what a segment may be ---- */

static enum error check_options(const struct st_sfi_plan *plan,
                                const struct st_sfi_segment *segment, struct fault *fault)
{
    if (plan->has_options)
        return refuse(fault, "configuration-twice", "An image has exactly one configuration.");
    if (segment->content.length > ST_SFI_OPTIONS_MAX_BYTES)
        return refuse(fault, "configuration-size", "A configuration has at most 4096 bytes.");
    return ERR_OK;
}

static enum error check_place(const struct st_sfi_segment *segment, struct fault *fault)
{
    if (st_sfi_is_flash(segment->type) && segment->address % ST_SFI_ALIGNMENT != 0)
        return refuse(
            fault, "segment-unaligned",
            "A segment in flash begins at a multiple of 16 bytes: align it in the linker script.");
    /* What an aligned segment is filled with cannot reach beyond an aligned end. */
    if (segment->address > ST_SFI_ADDRESS_END ||
        segment->content.length > ST_SFI_ADDRESS_END - segment->address)
        return refuse(fault, "segment-beyond-4gib", "A segment ends within the first 4 GiB.");
    if (!st_sfi_is_flash(segment->type) && segment->content.length > ST_SFI_AREA_MAX_BYTES)
        return refuse(fault, "segment-too-large",
                      "A module or a set of keys has at most 65536 bytes.");
    return ERR_OK;
}

static enum error check_form(const struct st_sfi_segment *segment, struct fault *fault)
{
    if (st_sfi_is_step(segment->type) && segment->content.length > 0)
        return refuse(fault, "segment-content", "A pause or a resume has no content.");
    if (!st_sfi_is_step(segment->type) && segment->content.length == 0)
        return refuse(fault, "segment-empty", "A segment has at least one byte.");
    if (!st_sfi_has_address(segment->type) && segment->address != 0)
        return refuse(fault, "segment-address",
                      "A configuration, a pause or a resume has no address.");
    return ERR_OK;
}

static enum error check_segment(const struct st_sfi_plan *plan,
                                const struct st_sfi_segment *segment, struct fault *fault)
{
    size_t count = plan->segment_count;
    unsigned before = count > 0 ? plan->segments[count - 1].type : 0;
    enum error e = check_form(segment, fault);
    if (e != ERR_OK)
        return e;
    if (segment->type == ST_SFI_OPTIONS)
        return check_options(plan, segment, fault);
    if (!st_sfi_may_follow(before, segment->type))
        return refuse(fault, "pause-order", "A resume follows each pause, and nothing else.");
    return st_sfi_has_address(segment->type) ? check_place(segment, fault) : ERR_OK;
}

/* ---- adding ---- */

static bool has_room(struct st_sfi_plan *plan)
{
    if (plan->segment_count < plan->capacity)
        return true;
    size_t capacity = plan->capacity > 0 ? 2 * plan->capacity : FIRST_CAPACITY;
    void *segments = realloc(plan->segments, capacity * sizeof *plan->segments);
    if (segments == NULL)
        return false;
    plan->segments = segments;
    plan->capacity = capacity;
    return true;
}

static size_t areas_of(const struct st_sfi_segment *segment)
{
    if (!st_sfi_is_flash(segment->type))
        return 1;
    return segment->content.length / ST_SFI_AREA_BYTES +
           (segment->content.length % ST_SFI_AREA_BYTES != 0);
}

/* Extents that overlap are equal: an order as long as those in the tree are apart. */
static int compare_extents(const void *a, const void *b)
{
    const struct extent *left = a;
    const struct extent *right = b;
    return (left->begin >= right->end) - (right->begin >= left->end);
}

/* What the segment takes of the flash, unless another one has some of it. */
static enum error take_flash(struct st_sfi_plan *plan, const struct st_sfi_segment *segment,
                             struct fault *fault)
{
    struct extent *extent = malloc(sizeof *extent);
    if (extent == NULL)
        return out_of_memory(fault);
    extent->begin = segment->address;
    extent->end = segment->address + st_sfi_extent(segment->type, segment->content.length);
    struct extent *const *node = tsearch(extent, &plan->extents, compare_extents);
    if (node != NULL && *node == extent)
        return ERR_OK;
    free(extent);
    if (node == NULL)
        return out_of_memory(fault);
    return refuse(fault, "segment-overlap",
                  "Two segments in flash overlap, each filled to a multiple of 16 bytes.");
}

enum error st_sfi_plan_add(struct st_sfi_plan *plan, const struct st_sfi_segment *segment,
                           struct fault *fault)
{
    assert(st_sfi_is_type(segment->type));
    enum error e = check_segment(plan, segment, fault);
    if (e != ERR_OK)
        return e;
    if (segment->type == ST_SFI_OPTIONS) {
        plan->options = *segment;
        plan->has_options = true;
        return ERR_OK;
    }
    if (areas_of(segment) > OTHER_AREAS_MAX - plan->areas)
        return fault_set(fault, ERR_TOO_LARGE, "too-many-areas",
                         "An image has at most 65535 areas.", 0);
    if (!has_room(plan))
        return out_of_memory(fault);
    if (st_sfi_is_flash(segment->type))
        e = take_flash(plan, segment, fault);
    if (e != ERR_OK)
        return e;
    plan->segments[plan->segment_count++] = *segment;
    plan->areas += areas_of(segment);
    return ERR_OK;
}

/* ---- writing ---- */

struct writer {
    int fd;
    unsigned total; /* areas of the image */
    unsigned index; /* of the newest area; 0 is the header */
};

static bool write_all(int fd, const uint8_t *data, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        length -= (size_t)n;
    }
    return true;
}

static bool write_header(const struct writer *writer)
{
    uint8_t record[LENGTHS_BYTES + ST_SFI_HEADER_AAD] = {ST_SFI_HEADER_AAD};
    uint8_t *header = record + LENGTHS_BYTES;
    memcpy(header, ST_SFI_MAGIC, ST_SFI_MAGIC_BYTES);
    header[ST_SFI_AT_PROTOCOL] = ST_SFI_PROTOCOL;
    st_sfi_put(header + ST_SFI_AT_AREAS, 2, writer->total);
    return write_all(writer->fd, record, sizeof record);
}

/* An area as one record, filled to its extent. */
static bool write_area(struct writer *writer, const struct st_sfi_segment *area)
{
    uint8_t record[RECORD_MAX];
    uint8_t *header = record + LENGTHS_BYTES;
    uint8_t *text = header + ST_SFI_AREA_AAD;
    uint32_t size = (uint32_t)st_sfi_extent(area->type, area->content.length);
    st_sfi_put(record, 4, ST_SFI_AREA_AAD);
    st_sfi_put(record + 4, 4, size);
    header[ST_SFI_AT_TYPE] = (uint8_t)area->type;
    header[ST_SFI_AT_VERSION] = ST_SFI_AREA_VERSION;
    st_sfi_put(header + ST_SFI_AT_INDEX, 2, ++writer->index);
    st_sfi_put(header + ST_SFI_AT_SIZE, 4, size);
    st_sfi_put(header + ST_SFI_AT_ADDRESS, 4, (uint32_t)area->address);
    st_sfi_put(header + ST_SFI_AT_TOTAL, 2, writer->total);
    memset(text, ST_SFI_FLASH_PADDING, size);
    if (area->content.length > 0)
        memcpy(text, area->content.data, area->content.length);
    bool is_written = write_all(writer->fd, record, LENGTHS_BYTES + ST_SFI_AREA_AAD + size);
    explicit_bzero(record, sizeof record); /* the firmware in clear */
    return is_written;
}

/* Cuts a flash segment into areas; another one is written whole. */
static bool write_segment(struct writer *writer, const struct st_sfi_segment *segment)
{
    size_t done = 0;
    if (!st_sfi_is_flash(segment->type))
        return write_area(writer, segment);
    while (done < segment->content.length) {
        size_t left = segment->content.length - done;
        size_t length = left < ST_SFI_AREA_BYTES ? left : ST_SFI_AREA_BYTES;
        struct st_sfi_segment area = {segment->type, segment->address + done,
                                      bytes_of(segment->content.data + done, length)};
        if (!write_area(writer, &area))
            return false;
        done += length;
    }
    return true;
}

static bool write_records(const struct st_sfi_plan *plan, int fd)
{
    struct writer writer = {.fd = fd, .total = (unsigned)plan->areas + 1};
    bool is_written = write_header(&writer);
    for (size_t i = 0; i < plan->segment_count && is_written; i++)
        is_written = write_segment(&writer, &plan->segments[i]);
    return is_written && write_area(&writer, &plan->options);
}

enum error st_sfi_plan_write(const struct st_sfi_plan *plan, int fd, struct fault *fault)
{
    if (plan->extents == NULL)
        return refuse(fault, "no-firmware", "An image has at least one segment in flash.");
    if (!plan->has_options)
        return refuse(fault, "no-configuration", "An image has exactly one configuration.");
    if (plan->segments[plan->segment_count - 1].type == ST_SFI_PAUSE)
        return refuse(fault, "pause-order", "A resume follows each pause, and nothing else.");
    if (!write_records(plan, fd))
        return fault_set(fault, ERR_CONFIG, "image-records",
                         "The parts of the image cannot be written.", errno);
    return ERR_OK;
}
