/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The encryptions of seals, by libcrypto: text and key material come and go in the secure heap.
 * hsm.proto says what each scheme is. Owns no state.
 */
#include "hsm/p11.h"

#include <assert.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#define KDF_AAD_OFFSET   32 /* K[32..63] is additional data; key and IV are before it */
#define BLOCK_BYTES      16
#define KEY_128_BYTES    16
#define MAC_SHA256_BYTES 32
#define MAC_MAX_BYTES    64

static_assert(HSM_SESSION_KEY_MAX + MAC_MAX_BYTES <= HSM_SEALED_MAX, "a seal with HMAC fits");
static_assert(HSM_SEAL_PREFIX_MAX + HSM_SESSION_KEY_MAX + HSM_GCM_TAG_BYTES <= HSM_SEALED_MAX,
              "a seal with GCM fits");

static void free_cipher_context(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context); /* cleanses the key schedule */
}

static void free_pkey_context(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
}

static void free_mac(EVP_MAC **mac)
{
    EVP_MAC_free(*mac);
}

static void free_mac_context(EVP_MAC_CTX **context)
{
    EVP_MAC_CTX_free(*context); /* cleanses its key */
}

#define CIPHER_CONTEXT_AUTO __attribute__((cleanup(free_cipher_context))) EVP_CIPHER_CTX
#define PKEY_CONTEXT_AUTO   __attribute__((cleanup(free_pkey_context))) EVP_PKEY_CTX
#define MAC_AUTO            __attribute__((cleanup(free_mac))) EVP_MAC
#define MAC_CONTEXT_AUTO    __attribute__((cleanup(free_mac_context))) EVP_MAC_CTX

/* ---- AES-128-GCM ---- */

static bool add_data(EVP_CIPHER_CTX *context, struct bytes data)
{
    int length = 0;
    return data.length == 0 ||
           EVP_EncryptUpdate(context, NULL, &length, data.data, (int)data.length) == 1;
}

static bool begin_sealing(EVP_CIPHER_CTX *context, const struct secret *kdf,
                          const struct hsm_seal_layout *layout)
{
    return context != NULL &&
           EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, NULL, NULL) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)layout->iv_bytes, NULL) ==
               1 &&
           EVP_EncryptInit_ex(context, NULL, NULL, kdf->bytes + layout->key_offset,
                              kdf->bytes + layout->iv_offset) == 1;
}

/* Additional data: aad, the ephemeral point's X and Y, the second half of K. */
bool p11_seal_gcm(const struct hsm_seal *seal, const struct secret *kdf, const struct secret *text,
                  struct hsm_sealed *sealed)
{
    int length = 0;
    int rest = 0;
    const struct bytes point = bytes_of(sealed->ephemeral_point + 1, P11_POINT_BYTES - 1);
    const struct bytes second_half =
        bytes_of(kdf->bytes + KDF_AAD_OFFSET, P11_SEAL_GCM_KDF_BYTES - KDF_AAD_OFFSET);
    CIPHER_CONTEXT_AUTO *context = EVP_CIPHER_CTX_new();
    if (!begin_sealing(context, kdf, &seal->layout) || !add_data(context, seal->aad) ||
        !add_data(context, point) || !add_data(context, second_half) ||
        EVP_EncryptUpdate(context, sealed->bytes, &length, text->bytes, (int)text->length) != 1 ||
        (size_t)length != text->length ||
        EVP_EncryptFinal_ex(context, sealed->bytes + length, &rest) != 1 || rest != 0 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, HSM_GCM_TAG_BYTES,
                            sealed->bytes + length) != 1)
        return false;
    sealed->length = text->length + HSM_GCM_TAG_BYTES;
    return true;
}

/* ---- AES-CTR and HMAC ---- */

static bool encrypt_by_ctr(const struct hsm_seal *seal, const struct secret *kdf,
                           const struct secret *text, uint8_t *out)
{
    static const uint8_t counter[BLOCK_BYTES];
    int length = 0;
    const EVP_CIPHER *cipher =
        seal->kek_bytes == KEY_128_BYTES ? EVP_aes_128_ctr() : EVP_aes_256_ctr();
    CIPHER_CONTEXT_AUTO *context = EVP_CIPHER_CTX_new();
    return context != NULL && EVP_EncryptInit_ex(context, cipher, NULL, kdf->bytes, counter) == 1 &&
           EVP_EncryptUpdate(context, out, &length, text->bytes, (int)text->length) == 1 &&
           (size_t)length == text->length;
}

static bool authenticate(const struct hsm_seal *seal, const struct secret *kdf, struct bytes data,
                         uint8_t *out)
{
    const char *digest = seal->mac_bytes == MAC_SHA256_BYTES ? "SHA256" : "SHA512";
    size_t length = 0;
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)digest, 0),
        OSSL_PARAM_construct_end()};
    MAC_AUTO *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    MAC_CONTEXT_AUTO *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    return context != NULL &&
           EVP_MAC_init(context, kdf->bytes + seal->kek_bytes, seal->mac_bytes, parameters) == 1 &&
           EVP_MAC_update(context, data.data, data.length) == 1 &&
           EVP_MAC_final(context, out, &length, seal->mac_bytes) == 1 && length == seal->mac_bytes;
}

bool p11_seal_ctr_hmac(const struct hsm_seal *seal, const struct secret *kdf,
                       const struct secret *text, struct hsm_sealed *sealed)
{
    if (!encrypt_by_ctr(seal, kdf, text, sealed->bytes) ||
        !authenticate(seal, kdf, bytes_of(sealed->bytes, text->length),
                      sealed->bytes + text->length))
        return false;
    sealed->length = text->length + seal->mac_bytes;
    return true;
}

/* ---- RSAES-OAEP ---- */

bool p11_seal_oaep(void *peer, const struct secret *text, struct hsm_sealed *sealed)
{
    size_t length = sizeof sealed->bytes;
    PKEY_CONTEXT_AUTO *context = EVP_PKEY_CTX_new(peer, NULL);
    if (context == NULL || EVP_PKEY_encrypt_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) != 1 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) != 1 ||
        EVP_PKEY_encrypt(context, sealed->bytes, &length, text->bytes, text->length) != 1)
        return false;
    sealed->length = length;
    return true;
}
