/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* ECDSA, ECDH, X9.63 and AES-128-GCM as the page says. Owns no state. */
#include "support/st_chip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define ID_BYTES       8
#define XY_BYTES       64
#define SIGNED_BYTES   (ID_BYTES + XY_BYTES)
#define NUMBER_BYTES   32
#define HEAD_BYTES     24 /* of a license, before the ephemeral key */
#define AAD_MAX        256
#define K_BYTES        64
#define K_HALF_BYTES   32
#define TAG_BYTES      16
#define SECRET_BYTES   32
#define REFERENCE_INFO "provisiond-st-sfi-reference-1"

struct st_maker {
    EVP_PKEY *key;
    char *pem;
};

struct st_chip {
    EVP_PKEY *key;
    uint8_t point[ST_CHIP_POINT_BYTES];
    uint8_t certificate[ST_CHIP_CERTIFICATE_BYTES];
};

static EVP_PKEY *new_key(uint8_t ret_point[ST_CHIP_POINT_BYTES])
{
    size_t length = 0;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    ck_assert_ptr_nonnull(key);
    ck_assert_int_eq(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, ret_point,
                                                     ST_CHIP_POINT_BYTES, &length),
                     1);
    ck_assert_uint_eq(length, ST_CHIP_POINT_BYTES);
    return key;
}

/* ---- the maker ---- */

/* Takes the key over. */
static struct st_maker *maker_of(EVP_PKEY *key)
{
    char *text = NULL;
    struct st_maker *maker = calloc(1, sizeof *maker);
    maker->key = key;
    BIO *out = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_PUBKEY(out, key), 1);
    long length = BIO_get_mem_data(out, &text);
    maker->pem = strndup(text, (size_t)length);
    BIO_free(out);
    return maker;
}

struct st_maker *st_maker_new(void)
{
    uint8_t point[ST_CHIP_POINT_BYTES];
    return maker_of(new_key(point));
}

struct st_maker *st_maker_read(const char *key_path)
{
    FILE *file = fopen(key_path, "re");
    ck_assert_ptr_nonnull(file);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    (void)fclose(file);
    ck_assert_ptr_nonnull(key);
    return maker_of(key);
}

void st_maker_free(struct st_maker *maker)
{
    if (maker == NULL)
        return;
    EVP_PKEY_free(maker->key);
    free(maker->pem);
    free(maker);
}

const char *st_maker_pem(const struct st_maker *maker)
{
    return maker->pem;
}

void st_maker_sign(const struct st_maker *maker, uint8_t certificate[ST_CHIP_CERTIFICATE_BYTES],
                   bool signs_key_only)
{
    uint8_t der[128];
    size_t length = sizeof der;
    size_t begin = signs_key_only ? ID_BYTES : 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, maker->key), 1);
    ck_assert_int_eq(
        EVP_DigestSign(context, der, &length, certificate + begin, SIGNED_BYTES - begin), 1);
    EVP_MD_CTX_free(context);
    const unsigned char *p = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &p, (long)length);
    uint8_t *out = certificate + SIGNED_BYTES;
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, NUMBER_BYTES), NUMBER_BYTES);
    out += NUMBER_BYTES;
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(signature), out, NUMBER_BYTES), NUMBER_BYTES);
    ECDSA_SIG_free(signature);
}

/* ---- the chip ---- */

struct st_chip *st_chip_new(const struct st_maker *maker, const char *product_id,
                            bool signs_key_only)
{
    struct st_chip *chip = calloc(1, sizeof *chip);
    ck_assert_uint_eq(strlen(product_id), ID_BYTES);
    chip->key = new_key(chip->point);
    memcpy(chip->certificate, product_id, ID_BYTES);
    memcpy(chip->certificate + ID_BYTES, chip->point + 1, XY_BYTES);
    st_maker_sign(maker, chip->certificate, signs_key_only);
    return chip;
}

void st_chip_free(struct st_chip *chip)
{
    if (chip == NULL)
        return;
    EVP_PKEY_free(chip->key);
    free(chip);
}

const uint8_t *st_chip_certificate(const struct st_chip *chip)
{
    return chip->certificate;
}

const uint8_t *st_chip_point(const struct st_chip *chip)
{
    return chip->point;
}

struct sha256 st_chip_spki(const struct st_chip *chip)
{
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(chip->key, &der);
    ck_assert_int_gt(length, 0);
    struct sha256 digest = sha256_of(bytes_of(der, (size_t)length));
    OPENSSL_free(der);
    return digest;
}

/* ---- ECIES ---- */

struct st_kdf st_kdf_reference(void)
{
    return (struct st_kdf){bytes_of(REFERENCE_INFO, sizeof REFERENCE_INFO - 1), 0, 16, 12};
}

static EVP_PKEY *public_key(const uint8_t *point)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"P-256"}, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point,
                                ST_CHIP_POINT_BYTES),
        OSSL_PARAM_END};
    ck_assert_int_eq(EVP_PKEY_fromdata_init(context), 1);
    if (EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return key;
}

/* K: the X coordinate of ECDH through the X9.63 KDF. */
static void derive(EVP_PKEY *own, EVP_PKEY *peer, const struct st_kdf *kdf, uint8_t k[K_BYTES])
{
    uint8_t secret[SECRET_BYTES];
    size_t length = sizeof secret;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    ck_assert_int_eq(EVP_PKEY_derive_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_derive_set_peer(context, peer), 1);
    ck_assert_int_eq(EVP_PKEY_derive(context, secret, &length), 1);
    EVP_PKEY_CTX_free(context);
    EVP_KDF *fetched = EVP_KDF_fetch(NULL, "X963KDF", NULL);
    EVP_KDF_CTX *x963 = EVP_KDF_CTX_new(fetched);
    OSSL_PARAM parameters[] = {OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
                               OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, secret, length),
                               OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO,
                                                       (void *)(uintptr_t)kdf->shared_info.data,
                                                       kdf->shared_info.length),
                               OSSL_PARAM_END};
    ck_assert_int_eq(EVP_KDF_derive(x963, k, K_BYTES, parameters), 1);
    EVP_KDF_CTX_free(x963);
    EVP_KDF_free(fetched);
}

/* The cipher with key, IV and additional data set: aad, X and Y of the ephemeral key, K[32..63]. */
static EVP_CIPHER_CTX *cipher(const uint8_t k[K_BYTES], const struct st_kdf *kdf, struct bytes aad,
                              const uint8_t *xy, bool is_sealing)
{
    int n = 0;
    uint8_t all[AAD_MAX + XY_BYTES + K_HALF_BYTES];
    uint8_t *end = mempcpy(mempcpy(mempcpy(all, aad.data, aad.length), xy, XY_BYTES),
                           k + K_HALF_BYTES, K_HALF_BYTES);
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    ck_assert_int_eq(EVP_CipherInit_ex2(gcm, EVP_aes_128_gcm(), NULL, NULL, is_sealing, NULL), 1);
    ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_IVLEN, (int)kdf->iv_bytes, NULL),
                     1);
    ck_assert_int_eq(
        EVP_CipherInit_ex2(gcm, NULL, k + kdf->key_offset, k + kdf->iv_offset, is_sealing, NULL),
        1);
    ck_assert_int_eq(EVP_CipherUpdate(gcm, NULL, &n, all, (int)(end - all)), 1);
    return gcm;
}

void st_seal(const uint8_t peer[ST_CHIP_POINT_BYTES], const struct st_kdf *kdf, struct bytes aad,
             struct bytes text, uint8_t ret_ephemeral[ST_CHIP_POINT_BYTES], uint8_t *ret_sealed)
{
    int n = 0;
    uint8_t k[K_BYTES];
    EVP_PKEY *ephemeral = new_key(ret_ephemeral);
    EVP_PKEY *other = public_key(peer);
    ck_assert_uint_le(aad.length, AAD_MAX);
    ck_assert_ptr_nonnull(other);
    derive(ephemeral, other, kdf, k);
    EVP_CIPHER_CTX *gcm = cipher(k, kdf, aad, ret_ephemeral + 1, true);
    ck_assert_int_eq(EVP_CipherUpdate(gcm, ret_sealed, &n, text.data, (int)text.length), 1);
    ck_assert_int_eq(EVP_CipherFinal_ex(gcm, ret_sealed + text.length, &n), 1);
    ck_assert_int_eq(
        EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, ret_sealed + text.length), 1);
    EVP_CIPHER_CTX_free(gcm);
    EVP_PKEY_free(other);
    EVP_PKEY_free(ephemeral);
}

bool st_chip_open(const struct st_chip *chip, const struct st_kdf *kdf,
                  const uint8_t license[ST_CHIP_LICENSE_BYTES], uint8_t ret_iv[ST_CHIP_KEY_BYTES],
                  uint8_t ret_key[ST_CHIP_KEY_BYTES])
{
    int n = 0;
    uint8_t k[K_BYTES];
    uint8_t text[2 * ST_CHIP_KEY_BYTES];
    uint8_t tag[TAG_BYTES];
    uint8_t point[ST_CHIP_POINT_BYTES] = {0x04};
    const uint8_t *sealed = license + HEAD_BYTES + XY_BYTES;
    memcpy(point + 1, license + HEAD_BYTES, XY_BYTES);
    memcpy(tag, sealed + sizeof text, TAG_BYTES);
    EVP_PKEY *ephemeral = public_key(point);
    if (ephemeral == NULL)
        return false;
    derive(chip->key, ephemeral, kdf, k);
    EVP_PKEY_free(ephemeral);
    EVP_CIPHER_CTX *gcm = cipher(k, kdf, bytes_of(license, HEAD_BYTES), point + 1, false);
    ck_assert_int_eq(EVP_CipherUpdate(gcm, text, &n, sealed, (int)sizeof text), 1);
    ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag), 1);
    bool is_open = EVP_CipherFinal_ex(gcm, text + sizeof text, &n) == 1;
    EVP_CIPHER_CTX_free(gcm);
    if (is_open) {
        memcpy(ret_iv, text, ST_CHIP_KEY_BYTES);
        memcpy(ret_key, text + ST_CHIP_KEY_BYTES, ST_CHIP_KEY_BYTES);
    }
    return is_open;
}
