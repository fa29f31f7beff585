/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How a chip opens a license with its own key: the st-sfi form (docs/profiles/st-sfi.md), and the
 * cms form (docs/profiles/cms.md) with libcrypto's own CMS reader.
 *
 * Written from the two pages, not from license/: this is the judge of those bytes. Threads: pure
 * functions.
 */
#ifndef RIG_CHIP_LICENSE_H
#define RIG_CHIP_LICENSE_H

#include <openssl/cms.h>
#include <openssl/evp.h>

#include "rig/chip/gcm.h"

#define CHIP_KDF_INFO_MAX_BYTES 64

/* What is burnt into the chip's boot ROM. */
struct chip_rom {
    uint8_t kdf_info[CHIP_KDF_INFO_MAX_BYTES];
    size_t kdf_info_length; /* 1 to CHIP_KDF_INFO_MAX_BYTES */
    unsigned key_offset;    /* parts of K[0..31] */
    unsigned iv_offset;
    unsigned iv_bytes; /* 12 to 16 */
    uint8_t type[4];
    uint32_t boot_version; /* of the chip's first boot stage */
};

/* The reference values. */
struct chip_rom chip_rom_reference(void);
/* True when the numbers are within their limits and the two parts of K do not overlap. */
bool chip_rom_is_valid(const struct chip_rom *rom);

/* What an st-sfi license gives away to its chip: cleanse it. */
struct chip_session {
    uint8_t key[CHIP_KEY_BYTES];
    uint8_t nonce[CHIP_NONCE_BYTES];
};

/* NULL when the license opens, else why not: a sentence for the programmer, a literal. */
const char *chip_license_open(EVP_PKEY *pair, const struct chip_rom *rom, struct bytes license,
                              struct chip_session *ret_session) MUST_USE;

/*
 * The same for a cms license: exactly one key agreement recipient of authenticated content, whose
 * key unwraps with the chip's. Free *ret_cms with CMS_ContentInfo_free.
 */
const char *chip_license_open_cms(EVP_PKEY *pair, struct bytes license,
                                  CMS_ContentInfo **ret_cms) MUST_USE;

/* Decrypts the detached content into out (image.length bytes); false unless its tag is right. */
bool chip_license_decrypt_cms(CMS_ContentInfo *cms, struct bytes image, uint8_t *out) MUST_USE;

#endif
