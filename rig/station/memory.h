/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a station must not forget: the licenses it was given, and the encrypted images.
 *
 *     WORK/licenses/<SHA-256 of the chip's certificate>.<image digest>   one license each
 *     WORK/images/<image digest>                                        whole and verified
 *     WORK/images/<image digest>.part                                   a download under way
 *
 * A license is written whole and synced before a chip is touched, so that a station that is killed
 * at any moment goes on with the same license and install. A file that is not whole is as if it
 * were not there. One station at a time uses a folder (a lock that goes with the process).
 * Threads: safe from any; immutable after station_memory_open.
 */
#ifndef RIG_STATION_MEMORY_H
#define RIG_STATION_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"
#include "rig/station/answer.h"

#define STATION_CERTIFICATE_BYTES 136
#define STATION_PRODUCT_SIZE      65 /* a name of at most 64 bytes, NUL */

struct station_memory;

/* One license, for one chip and image. */
struct station_kept {
    char product[STATION_PRODUCT_SIZE];
    char install_id[STATION_INSTALL_ID_SIZE];
    struct sha256 image;
    uint8_t certificate[STATION_CERTIFICATE_BYTES];
    uint8_t license[STATION_LICENSE_BYTES];
};

/* Makes the folders that are missing. ERR_CONFIG with errno; ERR_CONFLICT: another station's. */
enum error station_memory_open(const char *work, struct station_memory **ret_memory,
                               struct fault *fault) MUST_USE;
/* NULL is allowed. */
void station_memory_free(struct station_memory *memory);

/* On the disk when it returns ERR_OK; an older file of that chip and image is replaced. */
enum error station_memory_keep(const struct station_memory *memory, const struct station_kept *kept,
                               struct fault *fault) MUST_USE;
/* False: none is kept, or what is there is not whole or of another product. */
bool station_memory_find(const struct station_memory *memory, const char *product,
                         const uint8_t certificate[STATION_CERTIFICATE_BYTES],
                         const struct sha256 *image, struct station_kept *ret_kept);
/* The licenses that are kept for a chip, whatever the image; at most max. Returns how many. */
size_t station_memory_list(const struct station_memory *memory, const char *product,
                           const uint8_t certificate[STATION_CERTIFICATE_BYTES],
                           struct station_kept *ret_list, size_t max);

/* The folder of the images, for openat(2); borrowed. */
int station_memory_images(const struct station_memory *memory);

#endif
