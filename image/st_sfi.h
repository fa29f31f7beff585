/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The st-sfi image container: protocol 1 of docs/profiles/st-sfi.md, written and strictly read.
 *
 * Writing: a struct st_sfi_plan collects segments, each is checked and cut into areas, and
 * st_sfi_plan_write gives the image's parts as the records that the HSM encrypts
 * (hsm/hsm.proto, HSM_CIPHER_AES_GCM_RECORDS): what comes out of the HSM is the image. Order of
 * calls: st_sfi_plan_new, st_sfi_plan_add, st_sfi_plan_write, st_sfi_plan_free. Reading:
 * st_sfi_check takes an image from a file and accepts exactly the images that the page describes;
 * it needs no key and says nothing about tags. Threads: a plan belongs to one thread; st_sfi_check
 * is safe from any.
 */
#ifndef IMAGE_ST_SFI_H
#define IMAGE_ST_SFI_H

#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define ST_SFI_HEADER_BYTES      28
#define ST_SFI_AREA_HEADER_BYTES 30
#define ST_SFI_TAG_BYTES         16
#define ST_SFI_AREA_BYTES        8192  /* that the packer cuts segments into */
#define ST_SFI_AREA_MAX_BYTES    65536 /* that a reader accepts */
#define ST_SFI_OPTIONS_MAX_BYTES 4096
#define ST_SFI_AREAS_MAX         65535
#define ST_SFI_ALIGNMENT         16 /* bytes, of addresses in flash */

enum st_sfi_type {
    ST_SFI_FIRMWARE = 'F',
    ST_SFI_EXTERNAL = 'E',
    ST_SFI_MODULE = 'M',
    ST_SFI_KEYS = 'K',
    ST_SFI_PAUSE = 'P',
    ST_SFI_RESUME = 'R',
    ST_SFI_OPTIONS = 'C'
};

/* A piece of a firmware. The content is borrowed until the plan is freed. */
struct st_sfi_segment {
    enum st_sfi_type type;
    uint64_t address; /* may be beyond 2^32: it is refused by name */
    struct bytes content;
};

struct st_sfi_plan;

enum error st_sfi_plan_new(struct st_sfi_plan **ret_plan) MUST_USE;
/* NULL is allowed. */
void st_sfi_plan_free(struct st_sfi_plan *plan);

/*
 * Adds a segment: F and E segments are cut into areas of ST_SFI_AREA_BYTES, the last one filled
 * with 0xff to ST_SFI_ALIGNMENT; the other types become one area each. Areas keep the order in
 * which they were added, the configuration goes last. ERR_BAD_REQUEST: "segment-empty",
 * "segment-unaligned", "segment-beyond-4gib", "segment-overlap", "segment-address" (a C, P or R
 * segment with an address), "segment-content" (P or R with content), "pause-order",
 * "configuration-twice", "configuration-size", "segment-too-large" (M or K above
 * ST_SFI_AREA_MAX_BYTES). ERR_TOO_LARGE: "too-many-areas". ERR_INTERNAL: memory.
 */
enum error st_sfi_plan_add(struct st_sfi_plan *plan, const struct st_sfi_segment *segment,
                           struct fault *fault) MUST_USE;

/*
 * Writes the records to fd, from its present offset. ERR_BAD_REQUEST: "no-firmware",
 * "no-configuration", "pause-order". ERR_CONFIG with errno when fd cannot be written.
 */
enum error st_sfi_plan_write(const struct st_sfi_plan *plan, int fd, struct fault *fault) MUST_USE;

/* What a strict reader finds. */
struct st_sfi_summary {
    unsigned areas;
    uint64_t firmware_bytes; /* of F and E areas, padding included */
};

/*
 * Reads the image in the first size bytes of fd, with pread. ERR_BAD_REQUEST with a reason:
 * "sfi-magic", "sfi-protocol", "sfi-reserved", "sfi-area-count", "sfi-truncated", "sfi-trailing",
 * "sfi-area-type", "sfi-area-version", "sfi-area-index", "sfi-area-total", "sfi-area-size",
 * "sfi-area-address", "sfi-area-overlap", "sfi-pause-order", "sfi-configuration" (not exactly one,
 * or not last). ERR_LEDGER_UNAVAILABLE with errno when fd cannot be read.
 */
enum error st_sfi_check(int fd, uint64_t size, struct st_sfi_summary *ret_summary,
                        struct fault *fault) MUST_USE;

#endif
