/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* See device_image.h. Owns no state. */
#include "vault/device_image.h"

#include <stdlib.h>
#include <unistd.h>

#include "image/mcuboot.h"

/* The area with the license; *ret_tail has room for the largest one. */
static enum error make_tail(int file, uint64_t size, struct bytes license,
                            struct device_image *ret_image, struct fault *fault)
{
    struct mcuboot_image parts;
    enum mcuboot_tlv type;
    enum error e = mcuboot_read(file, size, &parts, fault);
    if (e == ERR_OK && !mcuboot_tlv_of(&parts, license.length, &type))
        e = ERR_BAD_REQUEST;
    if (e == ERR_OK) {
        ret_image->tail_at = parts.area_offset;
        e = mcuboot_area(file, &parts, type, license, ret_image->tail, &ret_image->tail_length,
                         fault);
    }
    if (e == ERR_BAD_REQUEST) /* not the station's: image and license were made here */
        e = fault_set(fault, ERR_INTERNAL, "mcuboot-license",
                      "The license does not fit into the image that it is for.", 0);
    return e;
}

enum error device_image_make(const struct image_store *store, const struct sha256 *image,
                             struct bytes license, struct device_image *ret_image,
                             struct fault *fault)
{
    struct device_image made = {.file = -1, .tail = malloc(MCUBOOT_AREA_MAX_BYTES)};
    uint64_t size = 0;
    enum error e = made.tail != NULL
                       ? image_store_open_image(store, image, &made.file, &size, fault)
                       : fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (e == ERR_OK)
        e = make_tail(made.file, size, license, &made, fault);
    if (e != ERR_OK) {
        if (made.file >= 0)
            (void)close(made.file);
        free(made.tail);
        return e;
    }
    *ret_image = made;
    return ERR_OK;
}
