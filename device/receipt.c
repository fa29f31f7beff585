/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A device's word that an install succeeded: a signature by its own key. Owns no state. */
#include "device/device.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#define POINT_BYTES 65 /* uncompressed P-256 */
#define KEY_AUTO    __attribute__((cleanup(free_key))) EVP_PKEY
#define DIGEST_AUTO __attribute__((cleanup(free_digest))) EVP_MD_CTX

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void free_digest(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

/* NULL when the point is not on the curve. */
static EVP_PKEY *key_of_point(struct bytes point)
{
    EVP_PKEY *key = NULL;
    char group[] = "prime256v1";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data,
                                          point.length),
        OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

static bool signature_holds(EVP_PKEY *key, struct bytes message, struct bytes signature)
{
    DIGEST_AUTO *context = EVP_MD_CTX_new();
    return context != NULL &&
           EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
           EVP_DigestVerify(context, signature.data, signature.length, message.data,
                            message.length) == 1;
}

static enum error put_spki(EVP_PKEY *key, struct device_spki *ret_spki, struct fault *fault)
{
    uint8_t *at = ret_spki->der;
    int length = i2d_PUBKEY(key, NULL);
    if (length <= 0 || (size_t)length > sizeof ret_spki->der)
        return fault_set(fault, ERR_INTERNAL, "spki", "The device's key cannot be encoded.", 0);
    ret_spki->length = (size_t)i2d_PUBKEY(key, &at);
    return ERR_OK;
}

enum error device_receipt_check(struct bytes point, struct bytes message, struct bytes signature,
                                struct device_spki *ret_spki, struct fault *fault)
{
    KEY_AUTO *key = point.length == POINT_BYTES ? key_of_point(point) : NULL;
    bool holds = key != NULL && signature.length <= DEVICE_RECEIPT_MAX_BYTES &&
                 signature_holds(key, message, signature);
    ERR_clear_error(); /* a wrong signature is an answer, not an error to keep */
    if (key == NULL)
        return fault_set(fault, ERR_BAD_REQUEST, "receipt-key",
                         "The device's key is not one that signs receipts.", 0);
    if (!holds)
        return fault_set(fault, ERR_BAD_REQUEST, "receipt-invalid",
                         "The receipt is not this device's signature over the install_id.", 0);
    return put_spki(key, ret_spki, fault);
}
