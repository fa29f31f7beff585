/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* See mcuboot_maker.h. Owns no state. */
#include "mcuboot_maker.h"

#include <string.h>

#include <check.h>
#include <openssl/x509.h>

#define HASH_TLV       0x10
#define KEY_HASH_TLV   0x01
#define SIGNATURE_TLV  0x22
#define SECURITY_TLV   0x50
#define ENC_EC256_TLV  0x32
#define KEY_BODY_BYTES 113
#define HEAD_BYTES     4

static void put(struct mcuboot_made *made, uint64_t value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        made->bytes[made->length++] = (uint8_t)(value >> (8 * i));
}

static void put_tlv(struct mcuboot_made *made, unsigned type, const void *body, size_t count)
{
    put(made, type, 2);
    put(made, count, 2);
    memcpy(made->bytes + made->length, body, count);
    made->length += count;
}

static void put_header(struct mcuboot_made *made, const struct mcuboot_making *making)
{
    put(made, 0x96f3b83d, 4);
    put(made, 0, 4);
    put(made, MCUBOOT_MAKER_HEADER_BYTES, 2);
    put(made, making->is_protected ? HEAD_BYTES + HEAD_BYTES + 4 : 0, 2);
    put(made, making->payload.length, 4);
    put(made, making->flags, 4);
    made->length = MCUBOOT_MAKER_HEADER_BYTES;
}

static struct sha256 key_hash(EVP_PKEY *signer)
{
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(signer, &der);
    ck_assert_int_gt(length, 0);
    struct sha256 digest = sha256_of(bytes_of(der, (size_t)length));
    OPENSSL_free(der);
    return digest;
}

static size_t sign(EVP_PKEY *signer, const struct mcuboot_made *made, uint8_t out[80])
{
    size_t length = 80;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer), 1);
    ck_assert_int_eq(EVP_DigestSign(context, out, &length, made->bytes, made->length), 1);
    EVP_MD_CTX_free(context);
    return length;
}

void mcuboot_make(const struct mcuboot_making *making, EVP_PKEY *signer,
                  struct mcuboot_made *ret_made)
{
    uint8_t signature[80];
    uint8_t key[KEY_BODY_BYTES];
    *ret_made = (struct mcuboot_made){.length = 0};
    put_header(ret_made, making);
    memcpy(ret_made->bytes + ret_made->length, making->payload.data, making->payload.length);
    ret_made->length += making->payload.length;
    if (making->is_protected) {
        put(ret_made, 0x6908, 2);
        put(ret_made, HEAD_BYTES + HEAD_BYTES + 4, 2);
        put_tlv(ret_made, SECURITY_TLV, "\x01\x00\x00\x00", 4);
    }
    const struct sha256 hash = sha256_of(bytes_of(ret_made->bytes, ret_made->length));
    const struct sha256 signers = key_hash(signer);
    const size_t signature_bytes = sign(signer, ret_made, signature);
    const size_t key_bytes = making->has_key ? HEAD_BYTES + KEY_BODY_BYTES : 0;
    random_fill(key, sizeof key);
    put(ret_made, 0x6907, 2);
    put(ret_made,
        HEAD_BYTES + 2 * (HEAD_BYTES + SHA256_SIZE) + key_bytes + HEAD_BYTES + signature_bytes, 2);
    put_tlv(ret_made, HASH_TLV, hash.bytes, SHA256_SIZE);
    put_tlv(ret_made, KEY_HASH_TLV, signers.bytes, SHA256_SIZE);
    if (making->has_key)
        put_tlv(ret_made, ENC_EC256_TLV, key, sizeof key);
    put_tlv(ret_made, SIGNATURE_TLV, signature, signature_bytes);
}

/* ---- what a boot loader checks ---- */

static unsigned u16(const uint8_t *at)
{
    return (unsigned)at[0] | (unsigned)at[1] << 8;
}

/* The body of the first TLV of that type in the area; empty when there is none. */
static struct bytes find_tlv(struct bytes area, unsigned type)
{
    for (size_t at = HEAD_BYTES; at + HEAD_BYTES <= area.length;) {
        const size_t bytes = u16(area.data + at + 2);
        if (at + HEAD_BYTES + bytes > area.length)
            break;
        if (u16(area.data + at) == type)
            return bytes_of(area.data + at + HEAD_BYTES, bytes);
        at += HEAD_BYTES + bytes;
    }
    return bytes_of(NULL, 0);
}

bool mcuboot_is_signed(struct bytes image, EVP_PKEY *signer)
{
    const size_t payload = u16(image.data + 12) | (size_t)u16(image.data + 14) << 16;
    const size_t covered = u16(image.data + 8) + payload + u16(image.data + 10);
    if (covered + HEAD_BYTES > image.length || u16(image.data + covered) != 0x6907)
        return false;
    const struct bytes area = bytes_of(image.data + covered, u16(image.data + covered + 2));
    if (covered + area.length != image.length)
        return false;
    const struct sha256 hash = sha256_of(bytes_of(image.data, covered));
    const struct bytes signature = find_tlv(area, SIGNATURE_TLV);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool holds =
        bytes_equal(find_tlv(area, HASH_TLV), bytes_of(hash.bytes, SHA256_SIZE)) &&
        EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, signer) == 1 &&
        EVP_DigestVerify(context, signature.data, signature.length, image.data, covered) == 1;
    EVP_MD_CTX_free(context);
    return holds;
}
