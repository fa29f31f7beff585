/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sealing a session key for one peer: with p11_seal_scheme.c the only code of provisiond that has a
 * session key in clear, in the secure heap, for the moment of one encryption. The key comes out of
 * the token in the one way that CKA_SENSITIVE allows, wrapped, under a KEK that is made for this
 * and forgotten. Owns no state. docs/decisions/0009-session-key-exposure.md says what holds.
 */
#include "hsm/p11.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "core/crash_point.h"
#include "hsm/hsm_message.h"

#define KEK_BYTES 32

static_assert(HSM_SEAL_PREFIX_MAX + HSM_SESSION_KEY_MAX <= SECRET_MAX_BYTES,
              "the text of a seal fits a secret");

static void free_cipher_context(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context); /* cleanses the key schedule */
}

static void free_pkey(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

#define CIPHER_CONTEXT_AUTO __attribute__((cleanup(free_cipher_context))) EVP_CIPHER_CTX
#define PKEY_AUTO           __attribute__((cleanup(free_pkey))) EVP_PKEY

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

/* ---- the schemes ---- */

/* K has this scheme's parts, and the point that goes with it is in *sealed. */
static enum error agree(const struct hsm_seal *seal, struct secret *ret_kdf,
                        struct hsm_sealed *sealed, struct fault *fault)
{
    const bool is_gcm = seal->scheme == HSM_ECIES_AES128_GCM;
    const struct p11_agreement agreement = {
        .curve = seal->curve,
        .kdf = seal->kdf,
        .peer_point = seal->peer_point,
        .shared_info = seal->shared_info,
        .kdf_bytes = is_gcm ? P11_SEAL_GCM_KDF_BYTES : seal->kek_bytes + seal->mac_bytes};
    enum error e = p11_host_agree(&agreement, ret_kdf, sealed->ephemeral_point, fault);
    if (e == ERR_OK)
        sealed->ephemeral_length = hsm_point_bytes(seal->curve);
    return e;
}

static enum error seal_by_agreement(struct p11 *p11, const struct hsm_seal *seal,
                                    CK_OBJECT_HANDLE key, struct hsm_sealed *sealed,
                                    struct fault *fault)
{
    SECRET_AUTO kdf = {0};
    SECRET_AUTO text = {0};
    enum error e = agree(seal, &kdf, sealed, fault); /* checks the point */
    if (e == ERR_OK)
        e = make_text(p11, key, seal, &text, fault);
    if (e != ERR_OK)
        return e;
    bool is_sealed = seal->scheme == HSM_ECIES_AES128_GCM
                         ? p11_seal_gcm(seal, &kdf, &text, sealed)
                         : p11_seal_ctr_hmac(seal, &kdf, &text, sealed);
    return is_sealed ? ERR_OK : fail_libcrypto(fault);
}

static enum error seal_by_rsa(struct p11 *p11, const struct hsm_seal *seal, CK_OBJECT_HANDLE key,
                              struct hsm_sealed *sealed, struct fault *fault)
{
    SECRET_AUTO text = {0};
    void *parsed = NULL;
    enum error e = p11_rsa_parse(seal->peer_spki, &parsed, fault);
    PKEY_AUTO *peer = parsed;
    if (e == ERR_OK)
        e = make_text(p11, key, seal, &text, fault);
    if (e == ERR_OK && !p11_seal_oaep(peer, &text, sealed))
        e = fail_libcrypto(fault);
    return e;
}

enum error p11_seal(struct p11 *p11, const struct hsm_seal *seal, struct hsm_sealed *ret_sealed,
                    struct fault *fault)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    struct hsm_sealed sealed = {0};
    struct bytes stored = bytes_of(seal->session_key.bytes, seal->session_key.length);
    enum error e = p11_get_session_key(p11, &seal->firmware_key, stored, &key, fault);
    if (e != ERR_OK)
        return e;
    crash_point("hsm-worker.before-wrap");
    e = seal->scheme == HSM_SEAL_OAEP_SHA256 ? seal_by_rsa(p11, seal, key, &sealed, fault)
                                             : seal_by_agreement(p11, seal, key, &sealed, fault);
    crash_point("hsm-worker.after-wrap");
    if (e == ERR_OK)
        *ret_sealed = sealed;
    return e;
}
