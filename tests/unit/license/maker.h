/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes licenses as the vault and the HSM do together: a device from tests/support/pki, checked by
 * device/; an image encrypted here; the session key wrapped as license/ asks (player.h).
 */
#ifndef TESTS_UNIT_LICENSE_MAKER_H
#define TESTS_UNIT_LICENSE_MAKER_H

#include <stdbool.h>

#include "device/device.h"
#include "license/license.h"
#include "support/pki.h"

#define MAKER_CEK_BYTES   32
#define MAKER_IV_BYTES    12
#define MAKER_TAG_BYTES   16
#define MAKER_IMAGE_BYTES 1000

/* An encrypted image with everything that belongs to it. */
struct maker_image {
    uint8_t firmware[MAKER_IMAGE_BYTES];
    uint8_t ciphertext[MAKER_IMAGE_BYTES];
    uint8_t cek[MAKER_CEK_BYTES];
    uint8_t iv[MAKER_IV_BYTES];
    uint8_t tag[MAKER_TAG_BYTES];
    struct sha256 digest; /* of the ciphertext */
};

void maker_encrypt(struct maker_image *ret_image);

/* The device that these options make, genuine under issuer. */
struct device maker_device(const struct pki *issuer, const struct pki *pki);

/* Borrows from device and image. */
struct license_subject maker_subject(const struct device *device, const struct maker_image *image);

/* license_agreement, the HSM's work, license_encode; each must succeed. */
struct license maker_license(const struct license_subject *subject, const struct pki *pki,
                             const struct maker_image *image);

/*
 * What a device does, by libcrypto's CMS reader: true when the license opens, and then
 * *ret_firmware holds MAKER_IMAGE_BYTES.
 */
bool maker_open(struct bytes license, const struct pki *pki, const struct maker_image *image,
                uint8_t ret_firmware[MAKER_IMAGE_BYTES]);

#endif
