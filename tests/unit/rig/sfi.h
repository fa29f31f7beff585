/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A small packer and licenser of st-sfi images for tests, straight from docs/profiles/st-sfi.md:
 * it shares nothing with image/ and license/, nor with the chip. Whatever fails, fails the test.
 */
#ifndef TESTS_UNIT_RIG_SFI_H
#define TESTS_UNIT_RIG_SFI_H

#include <stddef.h>
#include <stdint.h>

#include "rig/chip/link.h"

#define SFI_AREAS_MAX   32
#define SFI_CONTENT_MAX 8192
#define SFI_KEY_BYTES   16
#define SFI_NONCE_BYTES 12

struct sfi_keys {
    uint8_t key[SFI_KEY_BYTES];
    uint8_t nonce[SFI_NONCE_BYTES];
};

/* One area in clear. */
struct sfi_area {
    char type;
    uint32_t address;
    size_t size;
    const uint8_t *content;
};

/* One area as it travels. */
struct sfi_part {
    uint8_t header[CHIP_AREA_HEADER_BYTES];
    size_t size;
    uint8_t content[SFI_CONTENT_MAX];
};

struct sfi_image {
    struct sfi_keys keys;
    uint8_t header[CHIP_HEADER_BYTES];
    size_t count;
    struct sfi_part parts[SFI_AREAS_MAX];
};

/* What a license depends on beyond its chip; sfi_reference has the reference values. */
struct sfi_terms {
    const char *type;
    uint32_t session;
    uint32_t version;
    uint32_t boot_version;
    uint8_t reserved;
    const char *kdf_info;
    unsigned key_offset;
    unsigned iv_offset;
    unsigned iv_bytes;
    uint8_t nonce_tail; /* behind the nonce, where zeros belong */
};

struct sfi_keys sfi_keys_new(void);
void sfi_image_make(struct sfi_image *image, const struct sfi_keys *keys,
                    const struct sfi_area *areas, size_t count);

struct sfi_terms sfi_reference(void);
void sfi_license_make(const struct sfi_terms *terms, const struct sfi_keys *keys,
                      const uint8_t certificate[CHIP_CERTIFICATE_BYTES],
                      uint8_t out[CHIP_LICENSE_BYTES]);

#endif
