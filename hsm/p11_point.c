/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What libcrypto does of an agreement: points, and in host mode and for seals the ephemeral key and
 * ECDH (the KDF is p11_kdf.c's). Key bytes live in struct secret only. Owns the curves' parameters,
 * made at their first use and kept: to make them costs more than a key.
 */
#include "hsm/p11.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include "hsm/hsm_message.h"

#define Z_MAX_BYTES      48
#define DEVICE_KEK_BYTES 32
#define POINT_FORM_PLAIN 0x04
#define OCTET_STRING     0x04 /* its DER tag */
#define KEY_WRAP_BYTES   8    /* by which RFC 3394 makes a key longer */

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

static void free_cipher_context(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context);
}

#define PKEY_AUTO           __attribute__((cleanup(free_pkey))) EVP_PKEY
#define PKEY_CONTEXT_AUTO   __attribute__((cleanup(free_pkey_context))) EVP_PKEY_CTX
#define CIPHER_CONTEXT_AUTO __attribute__((cleanup(free_cipher_context))) EVP_CIPHER_CTX

static enum error fail_libcrypto(struct fault *fault)
{
    ERR_clear_error();
    return fault_set(fault, ERR_INTERNAL, "libcrypto", "A libcrypto operation failed.", 0);
}

/* ---- the curves ---- */

/* Hold no key. Owned by the worker's one thread. */
static struct curve {
    const char *type;
    const char *group; /* NULL: the type is the curve */
    size_t z_bytes;
    EVP_PKEY *parameters;
    EVP_PKEY_CTX *generator;
} curves[] = {
    [HSM_P256] = {"EC", "prime256v1", 32, NULL, NULL},
    [HSM_P384] = {"EC", "secp384r1", Z_MAX_BYTES, NULL, NULL},
    [HSM_X25519] = {"X25519", NULL, 32, NULL, NULL},
};

size_t p11_z_bytes(enum hsm_curve curve)
{
    return curves[curve].z_bytes;
}

static EVP_PKEY *make_parameters(const struct curve *curve)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                                (char *)(uintptr_t)curve->group, 0),
                               OSSL_PARAM_construct_end()};
    PKEY_CONTEXT_AUTO *context = EVP_PKEY_CTX_new_from_name(NULL, curve->type, NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEY_PARAMETERS, parameters) != 1)
        return NULL;
    return key;
}

static EVP_PKEY_CTX *make_generator(const struct curve *curve)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, curve->type, NULL);
    if (context == NULL || EVP_PKEY_keygen_init(context) != 1 ||
        (curve->group != NULL && EVP_PKEY_CTX_set_group_name(context, curve->group) != 1))
        free_pkey_context(&context);
    return context;
}

static EVP_PKEY *fresh_key(enum hsm_curve which)
{
    EVP_PKEY *key = NULL;
    struct curve *curve = &curves[which];
    if (curve->generator == NULL)
        curve->generator = make_generator(curve);
    return curve->generator != NULL && EVP_PKEY_generate(curve->generator, &key) == 1 ? key : NULL;
}

/* NULL unless the bytes are a point on the curve: the provider checks that when it decodes. Each 32
 * bytes are one on X25519; of small order are those that agree on zeros. */
static EVP_PKEY *key_of_point(enum hsm_curve which, struct bytes point)
{
    struct curve *curve = &curves[which];
    EVP_PKEY *key = NULL;
    if (!hsm_is_point(which, point.data, point.length))
        return NULL;
    if (curve->group == NULL)
        return EVP_PKEY_new_raw_public_key_ex(NULL, curve->type, NULL, point.data, point.length);
    if (curve->parameters == NULL)
        curve->parameters = make_parameters(curve);
    key = curve->parameters != NULL ? EVP_PKEY_dup(curve->parameters) : NULL;
    if (key != NULL && EVP_PKEY_set1_encoded_public_key(key, point.data, point.length) != 1)
        free_pkey(&key);
    ERR_clear_error();
    return key;
}

/* ---- points and agreements ---- */

static enum error refuse_point(struct fault *fault)
{
    return fault_set(
        fault, ERR_BAD_REQUEST, "peer-point",
        "The peer's point is not an uncompressed point on the curve, or of small order.", 0);
}

enum error p11_check_point(enum hsm_curve curve, struct bytes point, struct fault *fault)
{
    PKEY_AUTO *key = key_of_point(curve, point);
    return key != NULL ? ERR_OK : refuse_point(fault);
}

enum error p11_spki_of_point(const uint8_t point[P11_POINT_BYTES], struct hsm_spki *ret_spki,
                             struct fault *fault)
{
    PKEY_AUTO *key = key_of_point(HSM_P256, bytes_of(point, P11_POINT_BYTES));
    int length = key != NULL ? i2d_PUBKEY(key, NULL) : -1;
    if (length <= 0 || (size_t)length > sizeof ret_spki->der)
        return fail_libcrypto(fault);
    uint8_t *out = ret_spki->der;
    ret_spki->length = (size_t)i2d_PUBKEY(key, &out);
    return ERR_OK;
}

bool p11_decode_point(enum hsm_curve curve, struct bytes value, uint8_t *out)
{
    const size_t length = hsm_point_bytes(curve);
    const uint8_t octet_string[] = {OCTET_STRING, (uint8_t)length};
    if (value.length == length + sizeof octet_string &&
        memcmp(value.data, octet_string, sizeof octet_string) == 0)
        value = bytes_of(value.data + sizeof octet_string, length);
    if (!hsm_is_point(curve, value.data, value.length))
        return false;
    memcpy(out, value.data, length);
    return true;
}

/* False also when the two agree on zeros. */
static bool derive_z(EVP_PKEY *own, EVP_PKEY *peer, struct secret *z)
{
    static const uint8_t zeros[Z_MAX_BYTES];
    size_t length = z->length;
    PKEY_CONTEXT_AUTO *context = EVP_PKEY_CTX_new(own, NULL);
    /* 0: the point was checked when it was decoded; a second check costs as much as the ECDH. */
    bool is_agreed = context != NULL && EVP_PKEY_derive_init(context) == 1 &&
                     EVP_PKEY_derive_set_peer_ex(context, peer, 0) == 1 &&
                     EVP_PKEY_derive(context, z->bytes, &length) == 1 && length == z->length;
    ERR_clear_error();
    return is_agreed && CRYPTO_memcmp(z->bytes, zeros, z->length) != 0;
}

static bool get_point(EVP_PKEY *key, enum hsm_curve curve, uint8_t out[HSM_POINT_MAX_BYTES])
{
    size_t length = 0;
    return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out,
                                           HSM_POINT_MAX_BYTES, &length) == 1 &&
           hsm_is_point(curve, out, length);
}

enum error p11_host_agree(const struct p11_agreement *agreement, struct secret *ret_output,
                          uint8_t ret_ephemeral[HSM_POINT_MAX_BYTES], struct fault *fault)
{
    SECRET_AUTO z = {0};
    SECRET_AUTO output = {0};
    PKEY_AUTO *peer = key_of_point(agreement->curve, agreement->peer_point);
    if (peer == NULL)
        return refuse_point(fault);
    PKEY_AUTO *own = fresh_key(agreement->curve);
    if (own == NULL || secret_new(p11_z_bytes(agreement->curve), &z) != ERR_OK)
        return fail_libcrypto(fault);
    if (!derive_z(own, peer, &z)) /* on the other curves no point is of small order */
        return agreement->curve == HSM_X25519 ? refuse_point(fault) : fail_libcrypto(fault);
    if (!p11_kdf(&z, agreement, &output) || !get_point(own, agreement->curve, ret_ephemeral))
        return fail_libcrypto(fault);
    *ret_output = output;
    output = (struct secret){0};
    return ERR_OK;
}

enum error p11_host_kdf(const struct secret *z, const struct p11_agreement *agreement,
                        struct secret *ret_output, struct fault *fault)
{
    SECRET_AUTO output = {0};
    if (!p11_kdf(z, agreement, &output))
        return fail_libcrypto(fault);
    *ret_output = output;
    output = (struct secret){0};
    return ERR_OK;
}

/* ---- a device of our own ---- */

enum error p11_device_new(enum hsm_curve curve, struct p11_device *ret_device, struct fault *fault)
{
    struct p11_device device = {.key = fresh_key(curve), .point_length = hsm_point_bytes(curve)};
    if (device.key == NULL || !get_point(device.key, curve, device.point)) {
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
    PKEY_AUTO *peer = key_of_point(agreement->curve,
                                   bytes_of(wrapped->ephemeral_point, wrapped->ephemeral_length));
    return peer != NULL && agreement->kdf_bytes == DEVICE_KEK_BYTES &&
           secret_new(p11_z_bytes(agreement->curve), &z) == ERR_OK &&
           derive_z(device->key, peer, &z) && p11_kdf(&z, agreement, &kek) &&
           unwraps(&kek, &wrapped->key, ret_key);
}
