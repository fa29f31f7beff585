/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A session key for the transport key of an HSM. Owns no state. */
#include "seal/seal.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#define CURVE           "prime256v1"
#define CURVE_NAME_SIZE 32
#define Z_BYTES         32
#define KEK_BYTES       32
#define WRAP_EXTRA      8 /* RFC 3394 */

static void free_pkey(EVP_PKEY **key)
{
    EVP_PKEY_free(*key); /* cleanses a private one */
}

static void free_pkey_context(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
}

static void free_kdf(EVP_KDF **kdf)
{
    EVP_KDF_free(*kdf);
}

static void free_kdf_context(EVP_KDF_CTX **context)
{
    EVP_KDF_CTX_free(*context);
}

static void free_cipher_context(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context); /* cleanses the key schedule */
}

#define PKEY_AUTO           __attribute__((cleanup(free_pkey))) EVP_PKEY
#define PKEY_CONTEXT_AUTO   __attribute__((cleanup(free_pkey_context))) EVP_PKEY_CTX
#define KDF_AUTO            __attribute__((cleanup(free_kdf))) EVP_KDF
#define KDF_CONTEXT_AUTO    __attribute__((cleanup(free_kdf_context))) EVP_KDF_CTX
#define CIPHER_CONTEXT_AUTO __attribute__((cleanup(free_cipher_context))) EVP_CIPHER_CTX

/* ---- the peer ---- */

/* NULL unless it is a key on P-256; the reader checks that the point is on the curve. */
static EVP_PKEY *read_peer(struct bytes spki)
{
    char curve[CURVE_NAME_SIZE];
    size_t length = 0;
    const uint8_t *at = spki.data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki.length);
    const bool is_fit = key != NULL && at == spki.data + spki.length &&
                        EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
                        EVP_PKEY_get_group_name(key, curve, sizeof curve, &length) == 1 &&
                        strcmp(curve, CURVE) == 0;
    ERR_clear_error();
    if (is_fit)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static enum error refuse_peer(struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, "transport-key",
                     "A transport key is a public key on P-256, as provctl hsm transport-key "
                     "prints it.",
                     0);
}

enum error seal_check_peer(struct bytes spki, struct fault *fault)
{
    PKEY_AUTO *key = read_peer(spki);
    return key != NULL ? ERR_OK : refuse_peer(fault);
}

/* ---- agreement, KDF, wrap ---- */

static bool agree(EVP_PKEY *own, EVP_PKEY *peer, struct secret *ret_z)
{
    PKEY_CONTEXT_AUTO *context = EVP_PKEY_CTX_new(own, NULL);
    size_t length = Z_BYTES;
    return context != NULL && secret_new(Z_BYTES, ret_z) == ERR_OK &&
           EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1 &&
           EVP_PKEY_derive(context, ret_z->bytes, &length) == 1 && length == Z_BYTES;
}

static bool derive_kek(const struct secret *z, struct bytes shared_info, struct secret *ret_kek)
{
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, z->bytes, z->length),
        OSSL_PARAM_construct_octet_string(
            OSSL_KDF_PARAM_INFO, (uint8_t *)(uintptr_t)shared_info.data, shared_info.length),
        OSSL_PARAM_construct_end()};
    KDF_AUTO *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_X963KDF, NULL);
    KDF_CONTEXT_AUTO *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    return context != NULL && secret_new(KEK_BYTES, ret_kek) == ERR_OK &&
           EVP_KDF_derive(context, ret_kek->bytes, ret_kek->length, parameters) == 1;
}

static bool wrap_key(const struct secret *kek, const struct secret *key,
                     struct seal_wrapped *wrapped)
{
    int length = 0;
    CIPHER_CONTEXT_AUTO *context = EVP_CIPHER_CTX_new();
    if (context == NULL || key->length + WRAP_EXTRA > sizeof wrapped->key)
        return false;
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    const bool is_wrapped =
        EVP_EncryptInit_ex(context, EVP_aes_256_wrap(), NULL, kek->bytes, NULL) == 1 &&
        EVP_EncryptUpdate(context, wrapped->key, &length, key->bytes, (int)key->length) == 1;
    wrapped->key_length = (size_t)length;
    return is_wrapped && wrapped->key_length == key->length + WRAP_EXTRA;
}

static bool put_point(EVP_PKEY *own, struct seal_wrapped *wrapped)
{
    unsigned char *point = NULL;
    const size_t length = EVP_PKEY_get1_encoded_public_key(own, &point);
    const bool is_point = length == sizeof wrapped->point;
    if (is_point)
        memcpy(wrapped->point, point, length);
    OPENSSL_free(point);
    return is_point;
}

enum error seal_wrap(const struct seal *seal, struct bytes spki, struct bytes shared_info,
                     struct seal_wrapped *ret_wrapped, struct fault *fault)
{
    SECRET_AUTO z = {0};
    SECRET_AUTO kek = {0};
    struct seal_wrapped wrapped;
    PKEY_AUTO *peer = read_peer(spki);
    if (peer == NULL)
        return refuse_peer(fault);
    PKEY_AUTO *own = EVP_EC_gen(CURVE);
    if (own != NULL && put_point(own, &wrapped) && agree(own, peer, &z) &&
        derive_kek(&z, shared_info, &kek) && wrap_key(&kek, &seal->session_key, &wrapped)) {
        *ret_wrapped = wrapped;
        return ERR_OK;
    }
    ERR_clear_error();
    return fault_set(fault, ERR_INTERNAL, "libcrypto", "A libcrypto operation failed.", 0);
}
