/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Images and licenses of the profile st-sfi, for tests. Owns no state. */
#include "sfi.h"

#include <string.h>

#include <check.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#define POINT_BYTES  65
#define SECRET_BYTES 32
#define KDF_BYTES    64

struct sfi_keys sfi_keys_new(void)
{
    struct sfi_keys keys;
    random_fill(&keys, sizeof keys);
    memset(keys.nonce + 4, 0xff, SFI_NONCE_BYTES - 4); /* the index carries through the bytes */
    return keys;
}

static void encrypt(const uint8_t *key, struct bytes iv, struct bytes aad, struct bytes text,
                    uint8_t *out, uint8_t tag[CHIP_TAG_BYTES])
{
    int length = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    ck_assert_int_eq(EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, NULL, NULL), 1);
    ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)iv.length, NULL),
                     1);
    ck_assert_int_eq(EVP_EncryptInit_ex(context, NULL, NULL, key, iv.data), 1);
    ck_assert_int_eq(EVP_EncryptUpdate(context, NULL, &length, aad.data, (int)aad.length), 1);
    if (text.length > 0)
        ck_assert_int_eq(EVP_EncryptUpdate(context, out, &length, text.data, (int)text.length), 1);
    ck_assert_int_eq(EVP_EncryptFinal_ex(context, tag, &length), 1);
    ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CHIP_TAG_BYTES, tag), 1);
    EVP_CIPHER_CTX_free(context);
}

/* nonce + index with big numbers, which is another way than the chip's. */
static void part_iv(const struct sfi_keys *keys, unsigned index, uint8_t out[SFI_NONCE_BYTES])
{
    BIGNUM *sum = BN_bin2bn(keys->nonce, SFI_NONCE_BYTES, NULL);
    ck_assert_int_eq(BN_add_word(sum, index), 1);
    (void)BN_mask_bits(sum, 8 * SFI_NONCE_BYTES);
    ck_assert_int_eq(BN_bn2binpad(sum, out, SFI_NONCE_BYTES), SFI_NONCE_BYTES);
    BN_free(sum);
}

static void encrypt_part(const struct sfi_keys *keys, unsigned index, struct bytes aad,
                         struct bytes text, uint8_t *out, uint8_t *tag)
{
    uint8_t iv[SFI_NONCE_BYTES];
    part_iv(keys, index, iv);
    encrypt(keys->key, bytes_of(iv, sizeof iv), aad, text, out, tag);
}

static void make_part(struct sfi_part *part, const struct sfi_keys *keys,
                      const struct sfi_area *area, unsigned index, size_t count)
{
    uint8_t *header = part->header;
    ck_assert_uint_le(area->size, SFI_CONTENT_MAX);
    header[0] = (uint8_t)area->type;
    header[1] = 1;
    chip_put_u16(header + 2, (uint16_t)index);
    chip_put_u32(header + 4, (uint32_t)area->size);
    chip_put_u32(header + 8, area->address);
    chip_put_u16(header + 12, (uint16_t)count);
    part->size = area->size;
    encrypt_part(keys, index, bytes_of(header, 14), bytes_of(area->content, area->size),
                 part->content, header + 14);
}

void sfi_image_make(struct sfi_image *image, const struct sfi_keys *keys,
                    const struct sfi_area *areas, size_t count)
{
    ck_assert_uint_le(count, SFI_AREAS_MAX);
    image->keys = *keys;
    image->count = count;
    memcpy(image->header, "SFIMAGIC\x01\x00", 10);
    chip_put_u16(image->header + 10, (uint16_t)count);
    encrypt_part(keys, 0, bytes_of(image->header, 12), bytes_of(NULL, 0), NULL, image->header + 12);
    for (size_t i = 0; i < count; i++)
        make_part(&image->parts[i], keys, &areas[i], (unsigned)i + 1, count);
}

struct sfi_terms sfi_reference(void)
{
    return (struct sfi_terms){.type = "SFI.",
                              .version = 1,
                              .kdf_info = "provisiond-st-sfi-reference-1",
                              .key_offset = 0,
                              .iv_offset = 16,
                              .iv_bytes = 12};
}

/* The X coordinate of ephemeral private key times the chip's point, on the curve itself. */
static void agree(const uint8_t certificate[CHIP_CERTIFICATE_BYTES],
                  uint8_t ret_ephemeral[POINT_BYTES], uint8_t ret_secret[SECRET_BYTES])
{
    uint8_t point[POINT_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *theirs = EC_POINT_new(group);
    EC_POINT *ours = EC_POINT_new(group);
    BIGNUM *private_key = BN_new();
    memcpy(point + 1, certificate + 8, sizeof point - 1);
    ck_assert_int_eq(EC_POINT_oct2point(group, theirs, point, sizeof point, NULL), 1);
    ck_assert_int_eq(BN_priv_rand_range(private_key, EC_GROUP_get0_order(group)), 1);
    ck_assert_int_eq(EC_POINT_mul(group, ours, private_key, NULL, NULL, NULL), 1);
    ck_assert_uint_eq(EC_POINT_point2oct(group, ours, POINT_CONVERSION_UNCOMPRESSED, ret_ephemeral,
                                         POINT_BYTES, NULL),
                      POINT_BYTES);
    ck_assert_int_eq(EC_POINT_mul(group, ours, NULL, theirs, private_key, NULL), 1);
    ck_assert_uint_eq(
        EC_POINT_point2oct(group, ours, POINT_CONVERSION_UNCOMPRESSED, point, POINT_BYTES, NULL),
        POINT_BYTES);
    memcpy(ret_secret, point + 1, SECRET_BYTES);
    BN_clear_free(private_key);
    EC_POINT_free(ours);
    EC_POINT_free(theirs);
    EC_GROUP_free(group);
}

/* X9.63 by hand: SHA-256 of Z, a counter from 1, and the shared info. */
static void derive(const uint8_t secret[SECRET_BYTES], const char *info, uint8_t out[KDF_BYTES])
{
    uint8_t block[SECRET_BYTES + 4 + 64] = {0};
    size_t length = strlen(info);
    ck_assert_uint_le(length, 64);
    memcpy(block, secret, SECRET_BYTES);
    memcpy(block + SECRET_BYTES + 4, info, length);
    for (uint8_t i = 0; i < 2; i++) {
        block[SECRET_BYTES + 3] = (uint8_t)(i + 1);
        SHA256(block, SECRET_BYTES + 4 + length, out + 32 * i);
    }
}

void sfi_license_make(const struct sfi_terms *terms, const struct sfi_keys *keys,
                      const uint8_t certificate[CHIP_CERTIFICATE_BYTES],
                      uint8_t out[CHIP_LICENSE_BYTES])
{
    uint8_t ephemeral[POINT_BYTES];
    uint8_t secret[SECRET_BYTES];
    uint8_t derived[KDF_BYTES];
    uint8_t aad[88 + 32];
    uint8_t text[32] = {0};
    agree(certificate, ephemeral, secret);
    derive(secret, terms->kdf_info, derived);
    memset(out, terms->reserved, CHIP_LICENSE_BYTES);
    memcpy(out, terms->type, 4);
    chip_put_u32(out + 4, terms->session);
    chip_put_u32(out + 8, terms->version);
    chip_put_u32(out + 12, terms->boot_version);
    memcpy(out + 24, ephemeral + 1, 64);
    memcpy(aad, out, 88);
    memcpy(aad + 88, derived + 32, 32);
    memcpy(text, keys->nonce, SFI_NONCE_BYTES);
    text[15] = terms->nonce_tail;
    memcpy(text + 16, keys->key, SFI_KEY_BYTES);
    encrypt(derived + terms->key_offset, bytes_of(derived + terms->iv_offset, terms->iv_bytes),
            bytes_of(aad, sizeof aad), bytes_of(text, sizeof text), out + 88, out + 120);
}
