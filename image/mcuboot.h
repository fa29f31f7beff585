/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed images of MCUboot, as imgtool writes them: header, payload, protected TLV area (if any),
 * TLV area (docs/profiles/mcuboot.md). What is encrypted is the payload; hash and signature are of
 * the clear image and stay as they are; the TLV that holds the session key for one device is not
 * covered by them and comes last. So one encrypted image serves all devices, and each device gets
 * one TLV of its own. Reads strictly, by pread(2): the descriptor's offset does not move. Threads:
 * pure functions.
 */
#ifndef IMAGE_MCUBOOT_H
#define IMAGE_MCUBOOT_H

#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define MCUBOOT_AREA_MAX_BYTES 65535 /* a TLV area, its 4 bytes of head included */
#define MCUBOOT_BODY_MAX_BYTES 512   /* of the TLV of one device */

/* TLVs that hold an encrypted session key. */
enum mcuboot_tlv {
    MCUBOOT_ENC_RSA2048 = 0x30,
    MCUBOOT_ENC_KW = 0x31,
    MCUBOOT_ENC_EC256 = 0x32,
    MCUBOOT_ENC_X25519 = 0x33,
    MCUBOOT_ENC_X25519_SHA512 = 0x34,
};

/* Where what is, in bytes from the image's first. */
struct mcuboot_image {
    uint32_t payload_offset; /* the header's length */
    uint32_t payload_bytes;
    uint64_t area_offset; /* of the TLV area, behind the protected one */
    uint32_t area_bytes;
    unsigned key_bytes; /* of the AES key that the header announces: 16 or 32 */
};

/*
 * Reads where the parts are. ERR_BAD_REQUEST: "mcuboot-magic" (not an image of MCUboot),
 * "mcuboot-not-for-encryption" (signed without the flag of an encrypted image, which cannot be set
 * afterwards), "mcuboot-header", "mcuboot-areas" (a TLV area that is cut off or out of shape),
 * "mcuboot-trailing" (bytes behind the image: it was padded). ERR_LEDGER_UNAVAILABLE with errno
 * when the file cannot be read.
 */
enum error mcuboot_read(int fd, uint64_t size, struct mcuboot_image *ret_image,
                        struct fault *fault) MUST_USE;

/*
 * The image's TLV area without any TLV that holds a session key, and with this one at its end
 * unless body is empty. out holds MCUBOOT_AREA_MAX_BYTES. ERR_BAD_REQUEST: "mcuboot-body" (longer
 * than MCUBOOT_BODY_MAX_BYTES), "mcuboot-areas" (no room). ERR_LEDGER_UNAVAILABLE as above.
 */
enum error mcuboot_area(int fd, const struct mcuboot_image *image, enum mcuboot_tlv type,
                        struct bytes body, uint8_t *out, size_t *ret_length,
                        struct fault *fault) MUST_USE;

#endif
