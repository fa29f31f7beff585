/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Opening what provision-hsm has wrapped or sealed. The KDF is a loop, on purpose by hand. */
#include "device_key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/sha.h>

#include <check.h>

void device_key_make(struct device_key *device)
{
    size_t length = 0;
    device->key = EVP_EC_gen("P-256");
    ck_assert_ptr_nonnull(device->key);
    ck_assert_int_eq(EVP_PKEY_get_octet_string_param(device->key,
                                                     OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                                     device->point, sizeof device->point, &length),
                     1);
    ck_assert_uint_eq(length, sizeof device->point);
}

void device_key_free(struct device_key *device)
{
    EVP_PKEY_free(device->key);
}

struct hsm_wrap device_wrap(const struct device_key *device, const struct rig_keys *keys,
                            struct bytes shared_info, unsigned kek_bytes)
{
    return (struct hsm_wrap){.firmware_key = keys->firmware_key,
                             .session_key = keys->session_key,
                             .key_wrap = HSM_AES_KEY_WRAP,
                             .curve = HSM_P256,
                             .peer_point = bytes_of(device->point, sizeof device->point),
                             .kdf = HSM_X963_SHA256,
                             .shared_info = shared_info,
                             .kek_bytes = kek_bytes};
}

struct hsm_wrapped_key device_wrapped_key(const struct hsm_wrapped *wrapped)
{
    struct hsm_wrapped_key key = {.length = wrapped->key.length};
    ck_assert_uint_le(key.length, sizeof key.bytes);
    memcpy(key.bytes, wrapped->key.bytes, key.length);
    return key;
}

struct hsm_seal device_seal(const struct device_key *device, const struct rig_keys *keys,
                            struct bytes shared_info)
{
    return (struct hsm_seal){.firmware_key = keys->firmware_key,
                             .session_key = keys->session_key,
                             .scheme = HSM_ECIES_AES128_GCM,
                             .curve = HSM_P256,
                             .peer_point = bytes_of(device->point, sizeof device->point),
                             .kdf = HSM_X963_SHA256,
                             .shared_info = shared_info,
                             .layout = {.key_offset = 0, .iv_offset = 16, .iv_bytes = 12}};
}

/* False when the point is none: a device refuses it. */
static bool agree(const struct device_key *device, struct bytes point, uint8_t z[32])
{
    size_t length = 32;
    EVP_PKEY *peer = EVP_PKEY_new();
    ck_assert_int_eq(EVP_PKEY_copy_parameters(peer, device->key), 1);
    if (EVP_PKEY_set1_encoded_public_key(peer, point.data, point.length) != 1) {
        EVP_PKEY_free(peer);
        return false;
    }
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(device->key, NULL);
    ck_assert_int_eq(EVP_PKEY_derive_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_derive_set_peer(context, peer), 1);
    ck_assert_int_eq(EVP_PKEY_derive(context, z, &length), 1);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer);
    return true;
}

/* X9.63 with SHA-256: block n is SHA-256(Z, n as four bytes, shared info), from 1. */
static void derive(const uint8_t z[32], struct bytes shared_info, uint8_t *out, uint8_t blocks)
{
    uint8_t text[32 + 4 + HSM_SHARED_INFO_MAX] = {0};
    memcpy(text, z, 32);
    if (shared_info.length > 0)
        memcpy(text + 36, shared_info.data, shared_info.length);
    for (uint8_t n = 1; n <= blocks; n++) {
        text[35] = n;
        (void)SHA256(text, 36 + shared_info.length, out + (size_t)(n - 1) * 32);
    }
}

size_t device_key_open(const struct device_key *device, const struct hsm_wrapped *wrapped,
                       struct bytes shared_info, unsigned kek_bytes,
                       uint8_t out[HSM_SESSION_KEY_MAX])
{
    uint8_t z[32];
    uint8_t kek[32];
    int length = 0;
    ck_assert(agree(device, bytes_of(wrapped->ephemeral_point, wrapped->ephemeral_length), z));
    derive(z, shared_info, kek, 1);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    const EVP_CIPHER *cipher = kek_bytes == 16 ? EVP_aes_128_wrap() : EVP_aes_256_wrap();
    ck_assert_int_eq(EVP_DecryptInit_ex(context, cipher, NULL, kek, NULL), 1);
    if (EVP_DecryptUpdate(context, out, &length, wrapped->key.bytes, (int)wrapped->key.length) != 1)
        length = 0;
    EVP_CIPHER_CTX_free(context);
    return length > 0 ? (size_t)length : 0;
}

size_t device_seal_open(const struct device_key *device, const struct hsm_sealed *sealed,
                        const struct hsm_seal *seal, uint8_t out[HSM_SEALED_MAX])
{
    uint8_t z[32];
    uint8_t k[64];
    int n = 0;
    const struct hsm_seal_layout *layout = &seal->layout;
    size_t length = sealed->length - HSM_GCM_TAG_BYTES;
    if (!agree(device, bytes_of(sealed->ephemeral_point, sealed->ephemeral_length), z))
        return 0;
    derive(z, seal->shared_info, k, 2);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    ck_assert_int_eq(EVP_DecryptInit_ex(context, EVP_aes_128_gcm(), NULL, NULL, NULL), 1);
    ck_assert_int_eq(
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_IVLEN, (int)layout->iv_bytes, NULL), 1);
    ck_assert_int_eq(
        EVP_DecryptInit_ex(context, NULL, NULL, k + layout->key_offset, k + layout->iv_offset), 1);
    if (seal->aad.length > 0)
        (void)EVP_DecryptUpdate(context, NULL, &n, seal->aad.data, (int)seal->aad.length);
    (void)EVP_DecryptUpdate(context, NULL, &n, sealed->ephemeral_point + 1, 64);
    (void)EVP_DecryptUpdate(context, NULL, &n, k + 32, 32);
    (void)EVP_DecryptUpdate(context, out, &n, sealed->bytes, (int)length);
    (void)EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, HSM_GCM_TAG_BYTES,
                              (void *)(uintptr_t)(sealed->bytes + length));
    bool is_genuine = EVP_DecryptFinal_ex(context, out + n, &n) == 1;
    EVP_CIPHER_CTX_free(context);
    return is_genuine ? length : 0;
}

bool device_decrypt(struct bytes key, const struct hsm_content *content, struct bytes aad,
                    struct bytes cipher, uint8_t *out)
{
    int n = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *kind = key.length == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    ck_assert_int_eq(EVP_DecryptInit_ex(context, kind, NULL, key.data, content->iv), 1);
    if (aad.length > 0)
        ck_assert_int_eq(EVP_DecryptUpdate(context, NULL, &n, aad.data, (int)aad.length), 1);
    ck_assert_int_eq(EVP_DecryptUpdate(context, out, &n, cipher.data, (int)cipher.length), 1);
    ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, HSM_GCM_TAG_BYTES,
                                         (void *)(uintptr_t)content->tag),
                     1);
    bool is_genuine = EVP_DecryptFinal_ex(context, out + n, &n) == 1;
    EVP_CIPHER_CTX_free(context);
    return is_genuine;
}
