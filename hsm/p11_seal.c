/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sealing a session key for one peer: the only code of provisiond that has a session key in clear,
 * in the secure heap, for the moment of one encryption. The key comes out of the token in the one
 * way that CKA_SENSITIVE allows, wrapped, under a KEK that is made for this and forgotten. Owns no
 * state. docs/decisions/0009-session-key-exposure.md says what holds.
 */
#include "hsm/p11.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "core/crash_point.h"

#define KEK_BYTES      32
#define KDF_BYTES      64
#define KDF_AAD_OFFSET 32 /* K[32..63] is additional data; key and IV are before it */
#define SEAL_KEY_BYTES 16

static_assert(HSM_SEAL_PREFIX_MAX + HSM_SESSION_KEY_MAX <= SECRET_MAX_BYTES,
              "the text of a seal fits a secret");

static void free_cipher_context(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context); /* cleanses the key schedule */
}

#define CIPHER_CONTEXT_AUTO __attribute__((cleanup(free_cipher_context))) EVP_CIPHER_CTX

static enum error fail_libcrypto(struct fault *fault)
{
    ERR_clear_error();
    return fault_set(fault, ERR_INTERNAL, "libcrypto", "A libcrypto operation failed.", 0);
}

/* ---- the way out of the token ---- */

/* AES-KW (RFC 3394) backwards into out, which has wrapped->length - 8 bytes. */
static bool open_wrapped(const struct secret *kek, const struct hsm_wrapped_key *wrapped,
                         uint8_t *out)
{
    int length = 0;
    CIPHER_CONTEXT_AUTO *context = EVP_CIPHER_CTX_new();
    if (context == NULL)
        return false;
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    return EVP_DecryptInit_ex(context, EVP_aes_256_wrap(), NULL, kek->bytes, NULL) == 1 &&
           EVP_DecryptUpdate(context, out, &length, wrapped->bytes, (int)wrapped->length) == 1 &&
           (size_t)length == wrapped->length - 8;
}

/* The session key's bytes into out, which has key_bytes of the secure heap. */
static enum error take_out(struct p11 *p11, CK_OBJECT_HANDLE key, uint8_t *out, size_t key_bytes,
                           struct fault *fault)
{
    SECRET_AUTO kek = {0};
    CK_OBJECT_HANDLE kek_handle = CK_INVALID_HANDLE;
    struct hsm_wrapped_key wrapped = {0};
    if (secret_new(KEK_BYTES, &kek) != ERR_OK)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for secrets.", 0);
    random_fill(kek.bytes, kek.length);
    enum error e = p11_import_kek(p11, &kek, &kek_handle, fault);
    if (e == ERR_OK)
        e = p11_aes_wrap(p11, kek_handle, key, &wrapped, fault);
    p11_destroy(p11, &kek_handle);
    if (e == ERR_OK && wrapped.length != key_bytes + 8)
        e = fault_set(fault, ERR_INTERNAL, "wrapped-length",
                      "The token wrapped a key of another size.", 0);
    if (e == ERR_OK && !open_wrapped(&kek, &wrapped, out))
        e = fail_libcrypto(fault);
    OPENSSL_cleanse(&wrapped, sizeof wrapped);
    return e;
}

/* Prefix and session key: the text that is sealed. */
static enum error make_text(struct p11 *p11, CK_OBJECT_HANDLE key, const struct hsm_seal *seal,
                            struct secret *ret_text, struct fault *fault)
{
    SECRET_AUTO text = {0};
    size_t key_bytes = seal->session_key.length - 8;
    if (secret_new(seal->prefix.length + key_bytes, &text) != ERR_OK)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for secrets.", 0);
    if (seal->prefix.length > 0)
        memcpy(text.bytes, seal->prefix.data, seal->prefix.length);
    enum error e = take_out(p11, key, text.bytes + seal->prefix.length, key_bytes, fault);
    if (e != ERR_OK)
        return e;
    *ret_text = text;
    text = (struct secret){0};
    return ERR_OK;
}

/* ---- the encryption ---- */

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
static bool encrypt_text(const struct hsm_seal *seal, const struct secret *kdf,
                         const struct secret *text, struct hsm_sealed *sealed)
{
    int length = 0;
    int rest = 0;
    const struct bytes point = bytes_of(sealed->ephemeral_point + 1, P11_POINT_BYTES - 1);
    CIPHER_CONTEXT_AUTO *context = EVP_CIPHER_CTX_new();
    if (!begin_sealing(context, kdf, &seal->layout) || !add_data(context, seal->aad) ||
        !add_data(context, point) ||
        !add_data(context, bytes_of(kdf->bytes + KDF_AAD_OFFSET, KDF_BYTES - KDF_AAD_OFFSET)) ||
        EVP_EncryptUpdate(context, sealed->bytes, &length, text->bytes, (int)text->length) != 1 ||
        (size_t)length != text->length ||
        EVP_EncryptFinal_ex(context, sealed->bytes + length, &rest) != 1 || rest != 0 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, HSM_GCM_TAG_BYTES,
                            sealed->bytes + length) != 1)
        return false;
    sealed->length = text->length + HSM_GCM_TAG_BYTES;
    return true;
}

enum error p11_seal(struct p11 *p11, const struct hsm_seal *seal, struct hsm_sealed *ret_sealed,
                    struct fault *fault)
{
    SECRET_AUTO kdf = {0};
    SECRET_AUTO text = {0};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    if (seal->scheme != HSM_ECIES_AES128_GCM)
        return fault_set(fault, ERR_UNSUPPORTED, "not-in-this-build",
                         "This build does not know the seal yet.", 0);
    const struct p11_agreement agreement = {
        .peer_point = seal->peer_point, .shared_info = seal->shared_info, .kdf_bytes = KDF_BYTES};
    struct hsm_sealed sealed = {.ephemeral_length = P11_POINT_BYTES};
    struct bytes stored = bytes_of(seal->session_key.bytes, seal->session_key.length);
    enum error e = p11_get_session_key(p11, &seal->firmware_key, stored, &key, fault);
    if (e != ERR_OK)
        return e;
    crash_point("hsm-worker.before-wrap");
    e = p11_host_agree(&agreement, &kdf, sealed.ephemeral_point, fault); /* checks the point */
    if (e == ERR_OK)
        e = make_text(p11, key, seal, &text, fault);
    if (e == ERR_OK && !encrypt_text(seal, &kdf, &text, &sealed))
        e = fail_libcrypto(fault);
    secret_clear(&text);
    crash_point("hsm-worker.after-wrap");
    if (e == ERR_OK)
        *ret_sealed = sealed;
    return e;
}
