/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* See player.h. Owns no state. */
#include "player.h"

#include <string.h>

#include <check.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rsa.h>

#define SECRET_MAX   48
#define MATERIAL_MAX 96

/* ---- agreement ---- */

static EVP_PKEY *ephemeral_key(enum license_key key)
{
    static const char *const curves[] = {[LICENSE_P256] = "P-256", [LICENSE_P384] = "P-384"};
    EVP_PKEY *ephemeral =
        key == LICENSE_X25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "X25519") : EVP_EC_gen(curves[key]);
    ck_assert_ptr_nonnull(ephemeral);
    return ephemeral;
}

static size_t agree(EVP_PKEY *ephemeral, EVP_PKEY *device, uint8_t secret[SECRET_MAX])
{
    size_t length = SECRET_MAX;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(ephemeral, NULL);
    ck_assert_int_eq(EVP_PKEY_derive_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_derive_set_peer(context, device), 1);
    ck_assert_int_eq(EVP_PKEY_derive(context, secret, &length), 1);
    EVP_PKEY_CTX_free(context);
    return length;
}

static const struct {
    const char *name;
    const char *digest;
} KDFS[] = {
    [LICENSE_X963_SHA256] = {"X963KDF", "SHA256"}, [LICENSE_X963_SHA384] = {"X963KDF", "SHA384"},
    [LICENSE_HKDF_SHA256] = {"HKDF", "SHA256"},    [LICENSE_HKDF_SHA512] = {"HKDF", "SHA512"},
    [LICENSE_CONCAT_SHA256] = {"SSKDF", "SHA256"},
};

static void derive(const struct license_agreement *agreement, struct bytes secret, uint8_t *out,
                   size_t length)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, KDFS[agreement->kdf].name, NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST,
                               (char *)(uintptr_t)KDFS[agreement->kdf].digest, 0),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret.data, secret.length),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)agreement->shared_info,
                                agreement->shared_info_length),
        OSSL_PARAM_END};
    ck_assert_int_eq(EVP_KDF_derive(context, out, length, parameters), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static size_t encrypt(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv,
                      struct bytes text, uint8_t *out)
{
    int length = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    ck_assert_int_eq(EVP_EncryptInit_ex(context, cipher, NULL, key, iv), 1);
    ck_assert_int_eq(EVP_EncryptUpdate(context, out, &length, text.data, (int)text.length), 1);
    EVP_CIPHER_CTX_free(context);
    return (size_t)length;
}

static size_t ctr_and_hmac(const struct license_agreement *agreement, const uint8_t *material,
                           struct bytes session_key, uint8_t *out)
{
    static const uint8_t zeros[16];
    const bool is_128 = agreement->kek_bytes == 16;
    const bool is_256 = agreement->mac_bytes == 32;
    unsigned mac_length = 0;
    size_t length =
        encrypt(is_128 ? EVP_aes_128_ctr() : EVP_aes_256_ctr(), material, zeros, session_key, out);
    ck_assert_ptr_nonnull(HMAC(is_256 ? EVP_sha256() : EVP_sha512(),
                               material + agreement->kek_bytes, (int)agreement->mac_bytes, out,
                               length, out + length, &mac_length));
    ck_assert_uint_eq(mac_length, agreement->mac_bytes);
    return length + mac_length;
}

static size_t wrap_agreed(const struct license_agreement *agreement, EVP_PKEY *device,
                          struct bytes session_key, struct player_wrapped *out)
{
    uint8_t secret[SECRET_MAX];
    uint8_t material[MATERIAL_MAX];
    size_t point_length = 0;
    EVP_PKEY *ephemeral = ephemeral_key(agreement->key);
    const size_t secret_length = agree(ephemeral, device, secret);
    ck_assert_int_eq(EVP_PKEY_get_octet_string_param(ephemeral, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                                     out->point, sizeof out->point, &point_length),
                     1);
    EVP_PKEY_free(ephemeral);
    out->parts.ephemeral_point = bytes_of(out->point, point_length);
    derive(agreement, bytes_of(secret, secret_length), material,
           agreement->kek_bytes + agreement->mac_bytes);
    if (agreement->wrap == LICENSE_ECIES_CTR_HMAC)
        return ctr_and_hmac(agreement, material, session_key, out->key);
    ck_assert_int_eq(agreement->wrap, LICENSE_AES_KEY_WRAP);
    return encrypt(agreement->kek_bytes == 16 ? EVP_aes_128_wrap() : EVP_aes_256_wrap(), material,
                   NULL, session_key, out->key);
}

/* ---- transport ---- */

static size_t wrap_transported(enum license_wrap wrap, EVP_PKEY *device, struct bytes session_key,
                               enum license_hash hash, struct player_wrapped *out)
{
    size_t length = sizeof out->key;
    const bool is_oaep = wrap != LICENSE_RSA_PKCS1;
    const EVP_MD *digest =
        wrap == LICENSE_RSA_OAEP_SHA256 || hash == LICENSE_SHA256 ? EVP_sha256() : EVP_sha1();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(device, NULL);
    ck_assert_int_eq(EVP_PKEY_encrypt_init(context), 1);
    ck_assert_int_eq(
        EVP_PKEY_CTX_set_rsa_padding(context, is_oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING),
        1);
    if (is_oaep) {
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_oaep_md(context, digest), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest), 1);
    }
    ck_assert_int_eq(
        EVP_PKEY_encrypt(context, out->key, &length, session_key.data, session_key.length), 1);
    EVP_PKEY_CTX_free(context);
    return length;
}

void player_wrap(const struct license_agreement *agreement, EVP_PKEY *device,
                 struct bytes session_key, enum license_hash oaep_hash,
                 struct player_wrapped *ret_wrapped)
{
    *ret_wrapped = (struct player_wrapped){.parts = {.oaep_hash = oaep_hash}};
    const size_t length =
        agreement->key == LICENSE_RSA
            ? wrap_transported(agreement->wrap, device, session_key, oaep_hash, ret_wrapped)
            : wrap_agreed(agreement, device, session_key, ret_wrapped);
    ret_wrapped->parts.wrapped_key = bytes_of(ret_wrapped->key, length);
}
