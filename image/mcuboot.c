/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The layout of an MCUboot image. Owns no state. */
#include "image/mcuboot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_MAGIC         UINT32_C(0x96f3b83d)
#define AREA_MAGIC           0x6907
#define PROTECTED_MAGIC      0x6908

#define HEADER_READ_BYTES    32 /* what of a header is defined; it may be longer */
#define AT_HEADER_BYTES      8
#define AT_PROTECTED         10
#define AT_PAYLOAD_BYTES     12
#define AT_FLAGS             16

#define FLAG_AES128          UINT32_C(0x4)
#define FLAG_AES256          UINT32_C(0x8)

#define AREA_HEAD_BYTES      4 /* magic, length of the area with it */
#define TLV_HEAD_BYTES       4 /* type, length of the body */

#define RSA_BODY_BYTES       256 /* of RSA-2048 */

#define FIRST_ENCRYPTION_TLV MCUBOOT_ENC_RSA2048
#define LAST_ENCRYPTION_TLV  MCUBOOT_ENC_X25519_SHA512

/* ---- bytes ---- */

static uint16_t get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get_u32(const uint8_t *at)
{
    return get_u16(at) | (uint32_t)get_u16(at + 2) << 16;
}

static void put_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

static enum error refuse_areas(struct fault *fault)
{
    return refuse(fault, "mcuboot-areas",
                  "The TLVs behind the image's payload are cut off or out of shape: sign the "
                  "firmware again.");
}

/* ERR_BAD_REQUEST when the file ends before. */
static enum error read_at(int fd, uint64_t offset, uint8_t *out, size_t length, struct fault *fault)
{
    size_t done = 0;
    while (done < length) {
        const ssize_t n = pread(fd, out + done, length - done, (off_t)(offset + done));
        if (n < 0 && errno != EINTR)
            return fault_set(fault, ERR_LEDGER_UNAVAILABLE, "image-unreadable",
                             "The image cannot be read.", errno);
        if (n == 0)
            return refuse_areas(fault);
        done += n > 0 ? (size_t)n : 0;
    }
    return ERR_OK;
}

/* ---- the header ---- */

static enum error read_flags(uint32_t flags, unsigned *ret_key_bytes, struct fault *fault)
{
    const bool is_128 = (flags & FLAG_AES128) != 0;
    const bool is_256 = (flags & FLAG_AES256) != 0;
    if (is_128 && is_256)
        return refuse(fault, "mcuboot-header",
                      "The image's header says AES-128 and AES-256 at once.");
    if (!is_128 && !is_256)
        return refuse(fault, "mcuboot-not-for-encryption",
                      "The image's header does not say that it will be encrypted, which is under "
                      "its signature. Sign it again: imgtool sign --clear -E ANY-PUBLIC-KEY.pem, "
                      "for AES-256 with --encrypt-keylen 256.");
    *ret_key_bytes = is_128 ? 16 : 32;
    return ERR_OK;
}

static enum error read_header(int fd, uint64_t size, struct mcuboot_image *image,
                              uint32_t *ret_protected, struct fault *fault)
{
    uint8_t header[HEADER_READ_BYTES];
    if (size < sizeof header)
        return refuse(fault, "mcuboot-magic",
                      "This is no image of MCUboot: sign the firmware with imgtool first.");
    enum error e = read_at(fd, 0, header, sizeof header, fault);
    if (e != ERR_OK)
        return e;
    if (get_u32(header) != HEADER_MAGIC)
        return refuse(fault, "mcuboot-magic",
                      "This is no image of MCUboot: sign the firmware with imgtool first.");
    image->payload_offset = get_u16(header + AT_HEADER_BYTES);
    image->payload_bytes = get_u32(header + AT_PAYLOAD_BYTES);
    *ret_protected = get_u16(header + AT_PROTECTED);
    if (image->payload_offset < sizeof header || image->payload_bytes == 0)
        return refuse(fault, "mcuboot-header",
                      "The image's header is shorter than MCUboot's, or announces no payload.");
    return read_flags(get_u32(header + AT_FLAGS), &image->key_bytes, fault);
}

/* ---- the TLV areas ---- */

/* Magic and length of the area at offset, which ends before size. */
static enum error read_area_head(int fd, uint64_t offset, uint64_t size, unsigned magic,
                                 uint32_t *ret_bytes, struct fault *fault)
{
    uint8_t head[AREA_HEAD_BYTES];
    if (offset + sizeof head > size)
        return refuse_areas(fault);
    enum error e = read_at(fd, offset, head, sizeof head, fault);
    if (e != ERR_OK)
        return e;
    const uint32_t bytes = get_u16(head + 2);
    if (get_u16(head) != magic || bytes < sizeof head || offset + bytes > size)
        return refuse_areas(fault);
    *ret_bytes = bytes;
    return ERR_OK;
}

/* The protected area has the length that the header says; none has no head either. */
static enum error skip_protected(int fd, uint64_t size, uint32_t announced, uint64_t *offset,
                                 struct fault *fault)
{
    uint32_t bytes = 0;
    if (announced == 0)
        return ERR_OK;
    enum error e = read_area_head(fd, *offset, size, PROTECTED_MAGIC, &bytes, fault);
    if (e == ERR_OK && bytes != announced)
        e = refuse_areas(fault);
    if (e == ERR_OK)
        *offset += bytes;
    return e;
}

/* A TLV of the area at *at, which moves behind it; false when it does not fit. */
static bool next_tlv(const uint8_t *area, size_t length, size_t *at, unsigned *ret_type,
                     size_t *ret_bytes)
{
    if (length - *at < TLV_HEAD_BYTES)
        return false;
    const size_t bytes = TLV_HEAD_BYTES + get_u16(area + *at + 2);
    if (length - *at < bytes)
        return false;
    *ret_type = get_u16(area + *at);
    *ret_bytes = bytes;
    *at += bytes;
    return true;
}

/* Copies what is no session key to out, behind the head of an area. */
static bool copy_others(const uint8_t *area, size_t length, uint8_t *out, size_t *ret_length)
{
    size_t done = AREA_HEAD_BYTES;
    for (size_t at = AREA_HEAD_BYTES; at < length;) {
        unsigned type = 0;
        size_t bytes = 0;
        const uint8_t *tlv = area + at;
        if (!next_tlv(area, length, &at, &type, &bytes))
            return false;
        if (type >= FIRST_ENCRYPTION_TLV && type <= LAST_ENCRYPTION_TLV)
            continue;
        memcpy(out + done, tlv, bytes);
        done += bytes;
    }
    *ret_length = done;
    return true;
}

static enum error append(enum mcuboot_tlv type, struct bytes body, uint8_t *out, size_t *length,
                         struct fault *fault)
{
    if (body.length == 0)
        return ERR_OK;
    if (body.length > MCUBOOT_BODY_MAX_BYTES)
        return refuse(fault, "mcuboot-body", "A license for an image of MCUboot is shorter.");
    if (*length + TLV_HEAD_BYTES + body.length > MCUBOOT_AREA_MAX_BYTES)
        return refuse(fault, "mcuboot-areas", "The image's TLVs leave no room for the license's.");
    put_u16(out + *length, type);
    put_u16(out + *length + 2, body.length);
    memcpy(out + *length + TLV_HEAD_BYTES, body.data, body.length);
    *length += TLV_HEAD_BYTES + body.length;
    return ERR_OK;
}

/* ---- the two questions ---- */

enum error mcuboot_read(int fd, uint64_t size, struct mcuboot_image *ret_image, struct fault *fault)
{
    struct mcuboot_image image = {0};
    uint32_t announced = 0;
    enum error e = read_header(fd, size, &image, &announced, fault);
    image.area_offset = (uint64_t)image.payload_offset + image.payload_bytes;
    if (e == ERR_OK)
        e = skip_protected(fd, size, announced, &image.area_offset, fault);
    if (e == ERR_OK)
        e = read_area_head(fd, image.area_offset, size, AREA_MAGIC, &image.area_bytes, fault);
    if (e == ERR_OK && image.area_offset + image.area_bytes != size)
        e = refuse(fault, "mcuboot-trailing",
                   "There are bytes behind the image: sign the firmware without --pad.");
    if (e == ERR_OK)
        *ret_image = image;
    return e;
}

enum error mcuboot_area(int fd, const struct mcuboot_image *image, enum mcuboot_tlv type,
                        struct bytes body, uint8_t *out, size_t *ret_length, struct fault *fault)
{
    size_t length = 0;
    uint8_t *area = malloc(MCUBOOT_AREA_MAX_BYTES);
    if (area == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for an image's TLVs.", 0);
    enum error e = read_at(fd, image->area_offset, area, image->area_bytes, fault);
    if (e == ERR_OK && !copy_others(area, image->area_bytes, out, &length))
        e = refuse_areas(fault);
    free(area);
    if (e == ERR_OK)
        e = append(type, body, out, &length, fault);
    if (e != ERR_OK)
        return e;
    put_u16(out, AREA_MAGIC);
    put_u16(out + 2, length);
    *ret_length = length;
    return ERR_OK;
}

bool mcuboot_tlv_of(const struct mcuboot_image *image, size_t license_length,
                    enum mcuboot_tlv *ret_type)
{
    static const struct {
        enum mcuboot_tlv type;
        size_t bytes; /* beside the session key */
    } layouts[] = {{MCUBOOT_ENC_EC256, 65 + 32},
                   {MCUBOOT_ENC_X25519, 32 + 32},
                   {MCUBOOT_ENC_X25519_SHA512, 32 + 64}};
    if (license_length == RSA_BODY_BYTES) {
        *ret_type = MCUBOOT_ENC_RSA2048;
        return true;
    }
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        if (license_length != layouts[i].bytes + image->key_bytes)
            continue;
        *ret_type = layouts[i].type;
        return true;
    }
    return false;
}
