/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How the images of a profile are made: which parts of a firmware the HSM encrypts, with what, and
 * what stands around it. The firmware passes through provision-hsm only; this file moves
 * descriptors, and of an MCUboot image the parts that stay clear. Threads: no state.
 */
#ifndef VAULT_IMAGE_FORMAT_H
#define VAULT_IMAGE_FORMAT_H

#include <stdint.h>

#include "core/error.h"
#include "hsm/hsm_client.h"
#include "ledger/ledger.h"
#include "license/license.h"

struct image_format;

/* The images of a profile, which bear its name; NULL when this build makes none. Static. */
const struct image_format *image_format_find(const char *profile);
/* A sentence for whoever asked for another format. */
const char *image_format_wanted(const struct image_format *format);
/* Whether an encrypted image is one of the format. Errors are its reader's. */
enum error image_format_check(const struct image_format *format, int fd, uint64_t size,
                              struct fault *fault) MUST_USE;

/* One firmware on its way; descriptors and texts are the caller's. */
struct image_making {
    struct hsm_client *hsm;
    struct hsm_key_id firmware_key;
    const struct license_profile *profile;
    const struct image_format *format;
    const char *content; /* the form of content that was asked for; "" for the profile's default */
    int clear_fd;        /* a regular file, from its present offset */
    uint64_t clear_length;
    int cipher_fd; /* an empty one */
};

/*
 * Makes a session key for this image alone and encrypts under it. Sets the image's session key, IV,
 * tag and form of content, and leaves the rest of it. ERR_BAD_REQUEST: "content" (the profile has
 * no such form, or an MCUboot image another one), "firmware" (the file changed meanwhile), or as
 * mcuboot_read; and as hsm_generate_session_key and hsm_encrypt.
 */
enum error image_format_make(const struct image_making *making, struct ledger_image *image,
                             struct fault *fault) MUST_USE;

#endif
