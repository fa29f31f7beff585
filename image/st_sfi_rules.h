/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What writer and reader of an st-sfi image must agree on: where the fields of its headers are, and
 * what an area of each type may be (docs/profiles/st-sfi.md). Private to image/. Threads: pure
 * functions.
 */
#ifndef IMAGE_ST_SFI_RULES_H
#define IMAGE_ST_SFI_RULES_H

#include <assert.h>
#include <stdbool.h>

#include "image/st_sfi.h"

#define ST_SFI_MAGIC         "SFIMAGIC"
#define ST_SFI_MAGIC_BYTES   8
#define ST_SFI_PROTOCOL      1
#define ST_SFI_AREA_VERSION  1
#define ST_SFI_ADDRESS_END   (UINT64_C(1) << 32)
#define ST_SFI_HEADER_AAD    (ST_SFI_HEADER_BYTES - ST_SFI_TAG_BYTES)
#define ST_SFI_AREA_AAD      (ST_SFI_AREA_HEADER_BYTES - ST_SFI_TAG_BYTES)
#define ST_SFI_FLASH_PADDING 0xff /* erased flash */

/* Offsets in the image's header. */
enum {
    ST_SFI_AT_PROTOCOL = 8,
    ST_SFI_AT_RESERVED = 9,
    ST_SFI_AT_AREAS = 10,
};

/* Offsets in an area's header. */
enum {
    ST_SFI_AT_TYPE = 0,
    ST_SFI_AT_VERSION = 1,
    ST_SFI_AT_INDEX = 2,
    ST_SFI_AT_SIZE = 4,
    ST_SFI_AT_ADDRESS = 8,
    ST_SFI_AT_TOTAL = 12,
};

static_assert(ST_SFI_AT_AREAS + 2 == ST_SFI_HEADER_AAD, "fields of the image's header");
static_assert(ST_SFI_AT_TOTAL + 2 == ST_SFI_AREA_AAD, "fields of an area's header");
static_assert(ST_SFI_AREA_BYTES % ST_SFI_ALIGNMENT == 0, "a whole area needs no padding");
static_assert(ST_SFI_AREA_BYTES <= ST_SFI_AREA_MAX_BYTES, "a reader takes what the packer makes");

/* ---- numbers, little endian ---- */

static inline void st_sfi_put(uint8_t *out, unsigned size, uint32_t value)
{
    for (unsigned i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static inline uint32_t st_sfi_get(const uint8_t *in, unsigned size)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t)in[i] << (8 * i);
    return value;
}

/* ---- types ---- */

/* Has a place in flash: aligned, padded, never over another one. */
static inline bool st_sfi_is_flash(unsigned type)
{
    return type == ST_SFI_FIRMWARE || type == ST_SFI_EXTERNAL;
}

/* Is a step of the install, without content. */
static inline bool st_sfi_is_step(unsigned type)
{
    return type == ST_SFI_PAUSE || type == ST_SFI_RESUME;
}

static inline bool st_sfi_is_type(unsigned type)
{
    return st_sfi_is_flash(type) || st_sfi_is_step(type) || type == ST_SFI_MODULE ||
           type == ST_SFI_KEYS || type == ST_SFI_OPTIONS;
}

static inline bool st_sfi_has_address(unsigned type)
{
    return !st_sfi_is_step(type) && type != ST_SFI_OPTIONS;
}

/* A resume follows a pause and nothing else does; before the first area there is type 0. */
static inline bool st_sfi_may_follow(unsigned before, unsigned type)
{
    return (before == ST_SFI_PAUSE) == (type == ST_SFI_RESUME);
}

/* ---- sizes ---- */

/* How much of the address space an area of that many bytes takes. */
static inline uint64_t st_sfi_extent(unsigned type, uint64_t size)
{
    uint64_t mask = ST_SFI_ALIGNMENT - 1;
    return st_sfi_is_flash(type) ? (size + mask) & ~mask : size;
}

#endif
