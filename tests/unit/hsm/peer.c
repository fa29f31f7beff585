/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* See peer.h. Owns no state. */
#include "peer.h"

#include <string.h>

#include <check.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define Z_MAX         48
#define MATERIAL_MAX  96
#define HASH_MAX      64
#define RSA_MAX_BYTES 512

static const char INFO[] = "what both ends know";

/* ---- keys ---- */

static void take_spki(struct peer *peer)
{
    uint8_t *out = peer->spki;
    const int length = i2d_PUBKEY(peer->key, NULL);
    ck_assert_int_gt(length, 0);
    ck_assert_int_le(length, (int)sizeof peer->spki);
    peer->spki_length = (size_t)i2d_PUBKEY(peer->key, &out);
}

void peer_make(enum hsm_curve curve, struct peer *ret_peer)
{
    static const char *const names[] = {[HSM_P256] = "P-256", [HSM_P384] = "P-384"};
    *ret_peer = (struct peer){.key = curve == HSM_X25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "X25519")
                                                         : EVP_EC_gen(names[curve])};
    ck_assert_ptr_nonnull(ret_peer->key);
    ck_assert_int_eq(EVP_PKEY_get_octet_string_param(
                         ret_peer->key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, ret_peer->point,
                         sizeof ret_peer->point, &ret_peer->point_length),
                     1);
    take_spki(ret_peer);
}

void peer_make_rsa(unsigned bits, struct peer *ret_peer)
{
    *ret_peer = (struct peer){.key = EVP_RSA_gen(bits)};
    ck_assert_ptr_nonnull(ret_peer->key);
    take_spki(ret_peer);
}

void peer_free(struct peer *peer)
{
    EVP_PKEY_free(peer->key);
}

/* ---- requests ---- */

struct hsm_wrap peer_wrap(const struct peer *peer, const struct rig_keys *keys,
                          enum hsm_curve curve, enum hsm_kdf kdf, unsigned kek_bytes)
{
    return (struct hsm_wrap){.firmware_key = keys->firmware_key,
                             .session_key = keys->session_key,
                             .key_wrap = HSM_AES_KEY_WRAP,
                             .curve = curve,
                             .peer_point = bytes_of(peer->point, peer->point_length),
                             .kdf = kdf,
                             .shared_info = bytes_of(INFO, sizeof INFO),
                             .kek_bytes = kek_bytes};
}

struct hsm_wrap peer_rsa_wrap(const struct peer *peer, const struct rig_keys *keys,
                              enum hsm_key_wrap key_wrap)
{
    return (struct hsm_wrap){.firmware_key = keys->firmware_key,
                             .session_key = keys->session_key,
                             .key_wrap = key_wrap,
                             .peer_spki = bytes_of(peer->spki, peer->spki_length)};
}

struct hsm_seal peer_seal(const struct peer *peer, const struct rig_keys *keys,
                          enum hsm_curve curve, enum hsm_kdf kdf, unsigned kek_bytes)
{
    return (struct hsm_seal){.firmware_key = keys->firmware_key,
                             .session_key = keys->session_key,
                             .scheme = HSM_ECIES_CTR_HMAC,
                             .curve = curve,
                             .peer_point = bytes_of(peer->point, peer->point_length),
                             .kdf = kdf,
                             .shared_info = bytes_of(INFO, sizeof INFO),
                             .kek_bytes = kek_bytes,
                             .mac_bytes = kdf == HSM_HKDF_SHA512 ? 64 : 32};
}

struct hsm_seal peer_rsa_seal(const struct peer *peer, const struct rig_keys *keys)
{
    return (struct hsm_seal){.firmware_key = keys->firmware_key,
                             .session_key = keys->session_key,
                             .scheme = HSM_SEAL_OAEP_SHA256,
                             .peer_spki = bytes_of(peer->spki, peer->spki_length)};
}

/* ---- agreement ---- */

static size_t agree(const struct peer *peer, struct bytes point, uint8_t z[Z_MAX])
{
    size_t length = Z_MAX;
    EVP_PKEY *ephemeral =
        EVP_PKEY_is_a(peer->key, "X25519")
            ? EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point.data, point.length)
            : EVP_PKEY_dup(peer->key);
    ck_assert_int_eq(EVP_PKEY_set1_encoded_public_key(ephemeral, point.data, point.length), 1);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(peer->key, NULL);
    ck_assert_int_eq(EVP_PKEY_derive_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_derive_set_peer(context, ephemeral), 1);
    ck_assert_int_eq(EVP_PKEY_derive(context, z, &length), 1);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(ephemeral);
    return length;
}

/* Hash(Z, counter, info) with X9.63, Hash(counter, Z, info) with Concat; counters from 1. */
static void derive_by_hash(const EVP_MD *md, bool counts_first, struct bytes z, struct bytes info,
                           uint8_t *out, size_t length)
{
    uint8_t hash[HASH_MAX];
    const size_t size = (size_t)EVP_MD_get_size(md);
    for (uint8_t counter = 1; length > 0; counter++) {
        const uint8_t count[] = {0, 0, 0, counter};
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        ck_assert_int_eq(EVP_DigestInit_ex(context, md, NULL), 1);
        if (counts_first)
            ck_assert_int_eq(EVP_DigestUpdate(context, count, sizeof count), 1);
        ck_assert_int_eq(EVP_DigestUpdate(context, z.data, z.length), 1);
        if (!counts_first)
            ck_assert_int_eq(EVP_DigestUpdate(context, count, sizeof count), 1);
        ck_assert_int_eq(EVP_DigestUpdate(context, info.data, info.length), 1);
        ck_assert_int_eq(EVP_DigestFinal_ex(context, hash, NULL), 1);
        EVP_MD_CTX_free(context);
        const size_t part = length < size ? length : size;
        memcpy(out, hash, part);
        out += part;
        length -= part;
    }
}

/* RFC 5869 without salt. */
static void derive_by_hmac(const EVP_MD *md, struct bytes z, struct bytes info, uint8_t *out,
                           size_t length)
{
    static const uint8_t zeros[HASH_MAX];
    const size_t size = (size_t)EVP_MD_get_size(md);
    uint8_t key[HASH_MAX];
    uint8_t block[HASH_MAX + HSM_SHARED_INFO_MAX + 1];
    uint8_t hash[HASH_MAX];
    size_t before = 0;
    HMAC(md, zeros, (int)size, z.data, z.length, key, NULL);
    for (uint8_t counter = 1; length > 0; counter++) {
        memcpy(block, hash, before);
        memcpy(block + before, info.data, info.length);
        block[before + info.length] = counter;
        HMAC(md, key, (int)size, block, before + info.length + 1, hash, NULL);
        before = size;
        const size_t part = length < size ? length : size;
        memcpy(out, hash, part);
        out += part;
        length -= part;
    }
}

static void derive(enum hsm_kdf kdf, struct bytes z, struct bytes info, uint8_t *out, size_t length)
{
    switch (kdf) {
    case HSM_X963_SHA256:
        derive_by_hash(EVP_sha256(), false, z, info, out, length);
        break;
    case HSM_X963_SHA384:
        derive_by_hash(EVP_sha384(), false, z, info, out, length);
        break;
    case HSM_CONCAT_SHA256:
        derive_by_hash(EVP_sha256(), true, z, info, out, length);
        break;
    default:
        derive_by_hmac(kdf == HSM_HKDF_SHA256 ? EVP_sha256() : EVP_sha512(), z, info, out, length);
    }
}

/* ---- opening ---- */

static size_t decrypt(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv,
                      struct bytes in, uint8_t *out)
{
    int length = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    ck_assert_int_eq(EVP_DecryptInit_ex(context, cipher, NULL, key, iv), 1);
    if (EVP_DecryptUpdate(context, out, &length, in.data, (int)in.length) != 1)
        length = 0;
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error();
    return (size_t)length;
}

/* NULL: PKCS#1 v1.5. */
static size_t decrypt_by_rsa(const struct peer *peer, const EVP_MD *oaep, struct bytes in,
                             uint8_t out[HSM_SESSION_KEY_MAX])
{
    uint8_t text[RSA_MAX_BYTES];
    size_t length = sizeof text;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(peer->key, NULL);
    ck_assert_int_eq(EVP_PKEY_decrypt_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(context, oaep != NULL ? RSA_PKCS1_OAEP_PADDING
                                                                        : RSA_PKCS1_PADDING),
                     1);
    if (oaep != NULL) {
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_oaep_md(context, oaep), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md(context, oaep), 1);
    }
    if (EVP_PKEY_decrypt(context, text, &length, in.data, in.length) != 1 ||
        length > HSM_SESSION_KEY_MAX)
        length = 0;
    memcpy(out, text, length);
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return length;
}

size_t peer_open(const struct peer *peer, const struct hsm_wrap *asked,
                 const struct hsm_wrapped *wrapped, uint8_t out[HSM_SESSION_KEY_MAX])
{
    uint8_t z[Z_MAX];
    uint8_t kek[MATERIAL_MAX];
    uint8_t key[HSM_WRAPPED_KEY_MAX];
    const struct bytes in = bytes_of(wrapped->key.bytes, wrapped->key.length);
    if (asked->key_wrap == HSM_RSA_OAEP)
        return decrypt_by_rsa(peer, wrapped->oaep_hash == HSM_SHA256 ? EVP_sha256() : EVP_sha1(),
                              in, out);
    if (asked->key_wrap == HSM_RSA_PKCS1)
        return decrypt_by_rsa(peer, NULL, in, out);
    const size_t z_length =
        agree(peer, bytes_of(wrapped->ephemeral_point, wrapped->ephemeral_length), z);
    derive(asked->kdf, bytes_of(z, z_length), asked->shared_info, kek, asked->kek_bytes);
    const size_t length = decrypt(asked->kek_bytes == 16 ? EVP_aes_128_wrap() : EVP_aes_256_wrap(),
                                  kek, NULL, in, key);
    ck_assert_uint_le(length, HSM_SESSION_KEY_MAX);
    memcpy(out, key, length);
    return length;
}

size_t peer_open_seal(const struct peer *peer, const struct hsm_seal *asked,
                      const struct hsm_sealed *sealed, uint8_t out[HSM_SESSION_KEY_MAX])
{
    static const uint8_t zeros[16];
    uint8_t z[Z_MAX];
    uint8_t material[MATERIAL_MAX];
    uint8_t mac[HASH_MAX];
    if (asked->scheme == HSM_SEAL_OAEP_SHA256)
        return decrypt_by_rsa(peer, EVP_sha256(), bytes_of(sealed->bytes, sealed->length), out);
    const size_t z_length =
        agree(peer, bytes_of(sealed->ephemeral_point, sealed->ephemeral_length), z);
    derive(asked->kdf, bytes_of(z, z_length), asked->shared_info, material,
           asked->kek_bytes + asked->mac_bytes);
    const size_t length = sealed->length - asked->mac_bytes;
    HMAC(asked->mac_bytes == 32 ? EVP_sha256() : EVP_sha512(), material + asked->kek_bytes,
         (int)asked->mac_bytes, sealed->bytes, length, mac, NULL);
    if (memcmp(mac, sealed->bytes + length, asked->mac_bytes) != 0)
        return 0;
    return decrypt(asked->kek_bytes == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr(), material, zeros,
                   bytes_of(sealed->bytes, length), out);
}
