/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed images of MCUboot as imgtool writes them with --clear -E: header, payload, protected TLVs,
 * TLVs with hash, key hash and an ECDSA P-256 signature. Whatever fails fails the test.
 */
#ifndef TESTS_SUPPORT_MCUBOOT_MAKER_H
#define TESTS_SUPPORT_MCUBOOT_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "core/bytes.h"

#define MCUBOOT_MAKER_HEADER_BYTES 0x200
#define MCUBOOT_MAKER_MAX_BYTES    8192 /* of an image */

/* What an image shall be made of. */
struct mcuboot_making {
    uint32_t flags;    /* 0x4: AES-128, 0x8: AES-256 */
    bool is_protected; /* it has a protected area, with a security counter */
    bool has_key;      /* a TLV that imgtool made for a key of its own, between the others */
    struct bytes payload;
};

struct mcuboot_made {
    uint8_t bytes[MCUBOOT_MAKER_MAX_BYTES];
    size_t length;
};

void mcuboot_make(const struct mcuboot_making *making, EVP_PKEY *signer,
                  struct mcuboot_made *ret_made);

/*
 * Whether hash and signature of a clear image hold: what a boot loader checks before it boots. The
 * layout is read here and not by image/.
 */
bool mcuboot_is_signed(struct bytes image, EVP_PKEY *signer);

#endif
