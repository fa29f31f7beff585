/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Chips of the rig's product rig-mcu for end-to-end tests, and what they make of licenses and
 * images. Whatever cannot be made fails the test. Threads: one chip belongs to one thread.
 */
#ifndef TESTS_E2E_CHIP_H
#define TESTS_E2E_CHIP_H

#include "support/http.h"
#include "support/rig.h"
#include "support/st_chip.h"

#define CHIP_FLASH_BASE  0x08000000
#define CHIP_FLASH_BYTES ((size_t)1024 * 1024)

struct chip {
    struct st_chip *chip;
    uint8_t certificate[ST_CHIP_CERTIFICATE_BYTES];
};

/* What an image puts into a chip. */
struct chip_memory {
    uint8_t flash[CHIP_FLASH_BYTES]; /* 0xff where nothing was written */
    uint8_t options[4096];
    size_t options_length;
    size_t areas;
};

/* A fresh chip, genuine for the rig; product_id NULL is the product's own. Free with chip_clear. */
void chip_make(const struct rig *rig, const char *product_id, struct chip *ret_chip);
/* The certificate of the same key under another product ID, genuine too. */
void chip_rename(const struct rig *rig, const char *product_id, struct chip *chip);
void chip_clear(struct chip *chip);
struct bytes chip_certificate(const struct chip *chip);

/* The license in an answer of the service, which must have 136 bytes. */
void chip_take_license(const struct http_answer *answer, uint8_t out[ST_CHIP_LICENSE_BYTES]);
bool chip_opens(const struct chip *chip, const uint8_t license[ST_CHIP_LICENSE_BYTES]);
/* Opens the license and installs the image file; fails the test when the chip would refuse. */
void chip_install(const struct chip *chip, const uint8_t license[ST_CHIP_LICENSE_BYTES],
                  const char *image_path, struct chip_memory *memory);

#endif
