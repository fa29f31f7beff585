/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The reader's side of st_sfi.h: one pass over the headers, each read with one pread, contents are
 * skipped; then the places in flash are sorted to find those that overlap. The bytes are hostile.
 * Everything belongs to the call.
 */
#include "image/st_sfi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/st_sfi_rules.h"

struct reader {
    int fd;
    uint64_t size;
    uint64_t offset; /* of the next header */
    unsigned total;  /* areas of the image */
    unsigned index;  /* of the area that is being read, from 1 */
    unsigned before; /* type of the area before it; 0 when there is none */
    uint64_t firmware_bytes;
    uint64_t *places; /* of flash areas: address in the upper half, size in the lower one */
    size_t place_count;
};

/* The fields of one area's header. */
struct area {
    unsigned type;
    unsigned version;
    unsigned index;
    uint32_t size;
    uint32_t address;
    unsigned total;
};

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

static enum error refuse_truncated(struct fault *fault)
{
    return refuse(fault, "sfi-truncated", "The image ends within a part.");
}

/* A file that shrinks while it is read is cut off as well. */
static enum error read_at(const struct reader *reader, uint8_t *out, size_t length,
                          struct fault *fault)
{
    size_t done = 0;
    while (done < length) {
        ssize_t n = pread(reader->fd, out + done, length - done, (off_t)(reader->offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(fault, ERR_LEDGER_UNAVAILABLE, "image-unreadable",
                             "The image cannot be read.", errno);
        if (n == 0)
            return refuse_truncated(fault);
        done += (size_t)n;
    }
    return ERR_OK;
}

/* ---- the image's header ---- */

/* A short file is cut off only when what it has is the beginning of an image. */
static enum error read_header(struct reader *reader, uint8_t header[ST_SFI_HEADER_BYTES],
                              struct fault *fault)
{
    size_t length = reader->size < ST_SFI_HEADER_BYTES ? (size_t)reader->size : ST_SFI_HEADER_BYTES;
    enum error e = read_at(reader, header, length, fault);
    if (e != ERR_OK)
        return e;
    if (memcmp(header, ST_SFI_MAGIC, length < ST_SFI_MAGIC_BYTES ? length : ST_SFI_MAGIC_BYTES) !=
        0)
        return refuse(fault, "sfi-magic", "The file does not begin as an SFI image.");
    if (length < ST_SFI_HEADER_BYTES)
        return refuse_truncated(fault);
    reader->offset += ST_SFI_HEADER_BYTES;
    return ERR_OK;
}

static enum error check_header(struct reader *reader, struct fault *fault)
{
    uint8_t header[ST_SFI_HEADER_BYTES] = {0};
    enum error e = read_header(reader, header, fault);
    if (e != ERR_OK)
        return e;
    if (header[ST_SFI_AT_PROTOCOL] != ST_SFI_PROTOCOL)
        return refuse(fault, "sfi-protocol", "The image is of another protocol than 1.");
    if (header[ST_SFI_AT_RESERVED] != 0)
        return refuse(fault, "sfi-reserved", "The image's reserved byte is not 0.");
    reader->total = st_sfi_get(header + ST_SFI_AT_AREAS, 2);
    if (reader->total == 0)
        return refuse(fault, "sfi-area-count", "The image has no areas.");
    return ERR_OK;
}

/* ---- areas ---- */

static enum error read_area(const struct reader *reader, struct area *ret_area, struct fault *fault)
{
    uint8_t header[ST_SFI_AREA_HEADER_BYTES];
    if (reader->size - reader->offset < sizeof header)
        return refuse_truncated(fault);
    enum error e = read_at(reader, header, sizeof header, fault);
    if (e != ERR_OK)
        return e;
    *ret_area = (struct area){.type = header[ST_SFI_AT_TYPE],
                              .version = header[ST_SFI_AT_VERSION],
                              .index = st_sfi_get(header + ST_SFI_AT_INDEX, 2),
                              .size = st_sfi_get(header + ST_SFI_AT_SIZE, 4),
                              .address = st_sfi_get(header + ST_SFI_AT_ADDRESS, 4),
                              .total = st_sfi_get(header + ST_SFI_AT_TOTAL, 2)};
    return ERR_OK;
}

static enum error check_form(const struct reader *reader, const struct area *area,
                             struct fault *fault)
{
    bool is_last = reader->index == reader->total;
    if (!st_sfi_is_type(area->type))
        return refuse(fault, "sfi-area-type", "An area is of no known type.");
    if (area->version != ST_SFI_AREA_VERSION)
        return refuse(fault, "sfi-area-version", "An area is of another version than 1.");
    if (area->index != reader->index)
        return refuse(fault, "sfi-area-index", "The areas are not numbered from 1 without gaps.");
    if (area->total != reader->total)
        return refuse(fault, "sfi-area-total", "An area names another number of areas.");
    if (!st_sfi_may_follow(reader->before, area->type))
        return refuse(fault, "sfi-pause-order", "A resume follows each pause, and nothing else.");
    if (is_last != (area->type == ST_SFI_OPTIONS))
        return refuse(fault, "sfi-configuration",
                      "The last area, and no other, is the configuration.");
    return ERR_OK;
}

static bool size_is_fit(const struct area *area)
{
    if (st_sfi_is_step(area->type))
        return area->size == 0;
    uint32_t max = area->type == ST_SFI_OPTIONS ? ST_SFI_OPTIONS_MAX_BYTES : ST_SFI_AREA_MAX_BYTES;
    return area->size >= 1 && area->size <= max;
}

static bool address_is_fit(const struct area *area)
{
    if (!st_sfi_has_address(area->type))
        return area->address == 0;
    if (st_sfi_is_flash(area->type) && area->address % ST_SFI_ALIGNMENT != 0)
        return false;
    return area->address + st_sfi_extent(area->type, area->size) <= ST_SFI_ADDRESS_END;
}

static enum error check_area(const struct reader *reader, const struct area *area,
                             struct fault *fault)
{
    enum error e = check_form(reader, area, fault);
    if (e != ERR_OK)
        return e;
    if (!size_is_fit(area))
        return refuse(fault, "sfi-area-size", "An area has a size that its type does not allow.");
    if (!address_is_fit(area))
        return refuse(fault, "sfi-area-address",
                      "An area has an address that its type does not allow.");
    if (reader->size - reader->offset - ST_SFI_AREA_HEADER_BYTES < area->size)
        return refuse_truncated(fault);
    return ERR_OK;
}

static void take_area(struct reader *reader, const struct area *area)
{
    if (st_sfi_is_flash(area->type)) {
        uint64_t extent = st_sfi_extent(area->type, area->size);
        reader->places[reader->place_count++] = (uint64_t)area->address << 32 | extent;
        reader->firmware_bytes += area->size;
    }
    reader->before = area->type;
    reader->offset += ST_SFI_AREA_HEADER_BYTES + area->size;
}

static enum error check_areas(struct reader *reader, struct fault *fault)
{
    for (reader->index = 1; reader->index <= reader->total; reader->index++) {
        struct area area = {0};
        enum error e = read_area(reader, &area, fault);
        if (e == ERR_OK)
            e = check_area(reader, &area, fault);
        if (e != ERR_OK)
            return e;
        take_area(reader, &area);
    }
    if (reader->offset != reader->size)
        return refuse(fault, "sfi-trailing", "There are bytes behind the last area.");
    return ERR_OK;
}

/* ---- overlaps ---- */

static int compare_places(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

/* In the order of addresses, two areas overlap only if two neighbours do. */
static enum error check_overlaps(struct reader *reader, struct fault *fault)
{
    qsort(reader->places, reader->place_count, sizeof *reader->places, compare_places);
    for (size_t i = 1; i < reader->place_count; i++) {
        uint64_t before = reader->places[i - 1];
        if ((before >> 32) + (before & UINT32_MAX) > reader->places[i] >> 32)
            return refuse(fault, "sfi-area-overlap",
                          "Two areas in flash overlap, each filled to a multiple of 16.");
    }
    return ERR_OK;
}

enum error st_sfi_check(int fd, uint64_t size, struct st_sfi_summary *ret_summary,
                        struct fault *fault)
{
    struct reader reader = {.fd = fd, .size = size};
    enum error e = check_header(&reader, fault);
    if (e != ERR_OK)
        return e;
    reader.places = calloc(ST_SFI_AREAS_MAX, sizeof *reader.places);
    if (reader.places == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for the areas.", 0);
    e = check_areas(&reader, fault);
    if (e == ERR_OK)
        e = check_overlaps(&reader, fault);
    free(reader.places);
    if (e == ERR_OK)
        *ret_summary = (struct st_sfi_summary){reader.total, reader.firmware_bytes};
    return e;
}
