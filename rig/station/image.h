/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The encrypted images of a station: fetched once, verified by their digest, kept on the disk, and
 * taken apart into what a chip wants to see (docs/profiles/st-sfi.md).
 *
 * The first who asks for an image downloads it while the others wait, at most as long as a download
 * may stall. The station has no key and judges no tag: the chip does. It reads the layout only, and
 * an image that leaves it is not usable. Threads: the store is safe from any; an image is immutable
 * and lives as long as the store.
 */
#ifndef RIG_STATION_IMAGE_H
#define RIG_STATION_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"
#include "rig/chip/link.h"
#include "rig/station/memory.h"
#include "rig/station/rest.h"

struct station_image {
    struct sha256 digest;
    struct bytes content;
    uint8_t tag[CHIP_TAG_BYTES]; /* of the header: what a closed chip shows */
};

struct station_area {
    struct bytes header;  /* CHIP_AREA_HEADER_BYTES */
    struct bytes content; /* ciphertext, may be empty */
};

struct station_images;

/* memory is borrowed. ERR_INTERNAL: no memory. wait_ms: how long to wait for another's download. */
enum error station_images_new(const struct station_memory *memory, int64_t wait_ms,
                              struct station_images **ret_images) MUST_USE;
/* Ends the life of all its images. NULL is allowed. */
void station_images_free(struct station_images *images);

/*
 * The image, from memory, disk or the service. Besides the errors of station_rest_download:
 * ERR_BAD_REQUEST "image-digest" (the service sent other bytes, twice) or "image-layout",
 * ERR_CONFIG "image-not-kept", ERR_BUSY "image-wait", ERR_TOO_LARGE "too-many-images".
 */
enum error station_images_get(struct station_images *images, struct station_rest *rest,
                              const struct sha256 *digest, const struct station_image **ret_image,
                              struct fault *fault) MUST_USE;

/* True when content is a header and whole areas, to the last byte. */
bool station_image_is_whole(struct bytes content);
/* The area that begins at *offset, which then is behind it; false at the end. */
bool station_image_next(const struct station_image *image, size_t *offset,
                        struct station_area *ret_area);

#endif
