/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The image of one device, where the format has such a thing: MCUboot's, whose TLV area holds the
 * license. Nothing is copied: it is the stored image up to the area, and an area of its own.
 * Threads: safe from any thread.
 */
#ifndef VAULT_DEVICE_IMAGE_H
#define VAULT_DEVICE_IMAGE_H

#include "core/bytes.h"
#include "core/error.h"
#include "image/image_store.h"

struct device_image {
    int file;         /* the stored image, read-only; the caller closes it */
    uint64_t tail_at; /* so many bytes of it come first */
    uint8_t *tail;    /* and then these; the caller frees them */
    size_t tail_length;
};

/*
 * Of an image of the profile mcuboot and a license for it. As image_store_open_image;
 * ERR_LEDGER_UNAVAILABLE ("image-unreadable"); ERR_INTERNAL ("mcuboot-license": they do not fit).
 */
enum error device_image_make(const struct image_store *store, const struct sha256 *image,
                             struct bytes license, struct device_image *ret_image,
                             struct fault *fault) MUST_USE;

#endif
