/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What libcrypto does of an agreement: points on P-256, and in host mode and for seals the
 * ephemeral key, ECDH and the KDF. Key bytes live in struct secret only. Owns the curve's
 * parameters, made at their first use and kept: to make them costs more than a key.
 */
#include "hsm/p11.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#define P256_GROUP       "prime256v1"
#define P256_Z_BYTES     32
#define POINT_FORM_PLAIN 0x04
#define KEY_WRAP_BYTES   8 /* by which RFC 3394 makes a key longer */

static void free_pkey(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
    *key = NULL;
}

static void free_pkey_context(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
    *context = NULL;
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
    EVP_CIPHER_CTX_free(*context);
}

#define PKEY_AUTO           __attribute__((cleanup(free_pkey))) EVP_PKEY
#define PKEY_CONTEXT_AUTO   __attribute__((cleanup(free_pkey_context))) EVP_PKEY_CTX
#define KDF_AUTO            __attribute__((cleanup(free_kdf))) EVP_KDF
#define KDF_CONTEXT_AUTO    __attribute__((cleanup(free_kdf_context))) EVP_KDF_CTX
#define CIPHER_CONTEXT_AUTO __attribute__((cleanup(free_cipher_context))) EVP_CIPHER_CTX

static enum error fail_libcrypto(struct fault *fault)
{
    ERR_clear_error();
    return fault_set(fault, ERR_INTERNAL, "libcrypto", "A libcrypto operation failed.", 0);
}

/* ---- the curve ---- */

/* Holds no key. Owned by the worker's one thread. */
static struct {
    EVP_PKEY *parameters;
    EVP_PKEY_CTX *generator;
} curve;

static EVP_PKEY *make_parameters(void)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                                (char *)(uintptr_t)P256_GROUP, 0),
                               OSSL_PARAM_construct_end()};
    PKEY_CONTEXT_AUTO *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEY_PARAMETERS, parameters) != 1)
        return NULL;
    return key;
}

static EVP_PKEY_CTX *make_generator(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context == NULL || EVP_PKEY_keygen_init(context) != 1 ||
        EVP_PKEY_CTX_set_group_name(context, P256_GROUP) != 1)
        free_pkey_context(&context);
    return context;
}

static EVP_PKEY *fresh_key(void)
{
    EVP_PKEY *key = NULL;
    if (curve.generator == NULL)
        curve.generator = make_generator();
    return curve.generator != NULL && EVP_PKEY_generate(curve.generator, &key) == 1 ? key : NULL;
}

/* NULL unless the bytes are a point on the curve: the provider checks that when it decodes. */
static EVP_PKEY *key_of_point(struct bytes point)
{
    if (point.length != P11_POINT_BYTES || point.data[0] != POINT_FORM_PLAIN)
        return NULL;
    if (curve.parameters == NULL)
        curve.parameters = make_parameters();
    EVP_PKEY *key = curve.parameters != NULL ? EVP_PKEY_dup(curve.parameters) : NULL;
    if (key != NULL && EVP_PKEY_set1_encoded_public_key(key, point.data, point.length) != 1)
        free_pkey(&key);
    ERR_clear_error();
    return key;
}

/* ---- points and agreements ---- */

static enum error refuse_point(struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, "peer-point",
                     "The peer's point is not an uncompressed point on the curve.", 0);
}

enum error p11_check_point(struct bytes point, struct fault *fault)
{
    PKEY_AUTO *key = key_of_point(point);
    return key != NULL ? ERR_OK : refuse_point(fault);
}

enum error p11_spki_of_point(const uint8_t point[P11_POINT_BYTES], struct hsm_spki *ret_spki,
                             struct fault *fault)
{
    PKEY_AUTO *key = key_of_point(bytes_of(point, P11_POINT_BYTES));
    int length = key != NULL ? i2d_PUBKEY(key, NULL) : -1;
    if (length <= 0 || (size_t)length > sizeof ret_spki->der)
        return fail_libcrypto(fault);
    uint8_t *out = ret_spki->der;
    ret_spki->length = (size_t)i2d_PUBKEY(key, &out);
    return ERR_OK;
}

bool p11_decode_point(struct bytes value, uint8_t out[P11_POINT_BYTES])
{
    static const uint8_t octet_string[] = {0x04, P11_POINT_BYTES};
    if (value.length == P11_POINT_BYTES + sizeof octet_string &&
        memcmp(value.data, octet_string, sizeof octet_string) == 0)
        value = bytes_of(value.data + sizeof octet_string, P11_POINT_BYTES);
    if (value.length != P11_POINT_BYTES || value.data[0] != POINT_FORM_PLAIN)
        return false;
    memcpy(out, value.data, P11_POINT_BYTES);
    return true;
}

static bool derive_z(EVP_PKEY *own, EVP_PKEY *peer, struct secret *ret_z)
{
    size_t length = P256_Z_BYTES;
    PKEY_CONTEXT_AUTO *context = EVP_PKEY_CTX_new(own, NULL);
    /* 0: the point was checked when it was decoded; a second check costs as much as the ECDH. */
    return context != NULL && secret_new(P256_Z_BYTES, ret_z) == ERR_OK &&
           EVP_PKEY_derive_init(context) == 1 &&
           EVP_PKEY_derive_set_peer_ex(context, peer, 0) == 1 &&
           EVP_PKEY_derive(context, ret_z->bytes, &length) == 1 && length == P256_Z_BYTES;
}

/* ANSI X9.63 KDF with SHA-256 (SEC 1 §3.6.1). */
static bool derive_output(const struct secret *z, const struct p11_agreement *agreement,
                          struct secret *ret_output)
{
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, z->bytes, z->length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
                                          (uint8_t *)(uintptr_t)agreement->shared_info.data,
                                          agreement->shared_info.length),
        OSSL_PARAM_construct_end()};
    if (agreement->shared_info.length == 0)
        parameters[2] = OSSL_PARAM_construct_end();
    KDF_AUTO *kdf = EVP_KDF_fetch(NULL, "X963KDF", NULL);
    KDF_CONTEXT_AUTO *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    return context != NULL && secret_new(agreement->kdf_bytes, ret_output) == ERR_OK &&
           EVP_KDF_derive(context, ret_output->bytes, ret_output->length, parameters) == 1;
}

static bool get_point(EVP_PKEY *key, uint8_t out[P11_POINT_BYTES])
{
    size_t length = 0;
    return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out,
                                           P11_POINT_BYTES, &length) == 1 &&
           length == P11_POINT_BYTES && out[0] == POINT_FORM_PLAIN;
}

enum error p11_host_agree(const struct p11_agreement *agreement, struct secret *ret_output,
                          uint8_t ret_ephemeral[P11_POINT_BYTES], struct fault *fault)
{
    SECRET_AUTO z = {0};
    SECRET_AUTO output = {0};
    PKEY_AUTO *peer = key_of_point(agreement->peer_point);
    if (peer == NULL)
        return refuse_point(fault);
    PKEY_AUTO *own = fresh_key();
    if (own == NULL || !derive_z(own, peer, &z) || !derive_output(&z, agreement, &output) ||
        !get_point(own, ret_ephemeral))
        return fail_libcrypto(fault);
    *ret_output = output;
    output = (struct secret){0};
    return ERR_OK;
}

enum error p11_host_kdf(const struct secret *z, const struct p11_agreement *agreement,
                        struct secret *ret_output, struct fault *fault)
{
    SECRET_AUTO output = {0};
    if (!derive_output(z, agreement, &output))
        return fail_libcrypto(fault);
    *ret_output = output;
    output = (struct secret){0};
    return ERR_OK;
}

/* ---- a device of our own ---- */

enum error p11_device_new(struct p11_device *ret_device, struct fault *fault)
{
    struct p11_device device = {.key = fresh_key()};
    if (device.key == NULL || !get_point(device.key, device.point)) {
        p11_device_free(&device);
        return fail_libcrypto(fault);
    }
    *ret_device = device;
    return ERR_OK;
}

void p11_device_free(struct p11_device *device)
{
    EVP_PKEY_free(device->key);
    *device = (struct p11_device){0};
}

static bool unwraps(const struct secret *kek, const struct hsm_peer_key *wrapped,
                    struct secret *ret_key)
{
    SECRET_AUTO key = {0};
    int length = 0;
    CIPHER_CONTEXT_AUTO *context = EVP_CIPHER_CTX_new();
    if (context == NULL || wrapped->length > HSM_WRAPPED_KEY_MAX ||
        secret_new(HSM_WRAPPED_KEY_MAX, &key) != ERR_OK)
        return false;
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool is_open =
        EVP_DecryptInit_ex(context, EVP_aes_256_wrap(), NULL, kek->bytes, NULL) == 1 &&
        EVP_DecryptUpdate(context, key.bytes, &length, wrapped->bytes, (int)wrapped->length) == 1 &&
        (size_t)length + KEY_WRAP_BYTES == wrapped->length;
    ERR_clear_error();
    if (!is_open)
        return false;
    key.length = (size_t)length; /* the rest of the buffer is zeros */
    *ret_key = key;
    key = (struct secret){0};
    return true;
}

bool p11_device_opens(const struct p11_device *device, const struct p11_agreement *agreement,
                      const struct hsm_wrapped *wrapped)
{
    SECRET_AUTO key = {0};
    return p11_device_takes(device, agreement, wrapped, &key);
}

bool p11_device_takes(const struct p11_device *device, const struct p11_agreement *agreement,
                      const struct hsm_wrapped *wrapped, struct secret *ret_key)
{
    SECRET_AUTO z = {0};
    SECRET_AUTO kek = {0};
    PKEY_AUTO *peer = key_of_point(bytes_of(wrapped->ephemeral_point, P11_POINT_BYTES));
    return peer != NULL && agreement->kdf_bytes == P256_Z_BYTES &&
           derive_z(device->key, peer, &z) && derive_output(&z, agreement, &kek) &&
           unwraps(&kek, &wrapped->key, ret_key);
}
