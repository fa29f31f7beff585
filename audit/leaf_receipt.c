/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device's receipt: its signature (ECDSA P-256 with SHA-256, DER) over the install's id as the
 * API writes it. Whether the key is that device's is for the replay. Owns no state.
 */
#include "audit/leaf.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define INSTALL_PREFIX    "ins-"
#define INSTALL_TEXT_SIZE (sizeof INSTALL_PREFIX + 36)
#define KEY_MAX           512 /* bytes of a SubjectPublicKeyInfo */
#define SIGNATURE_MAX     144
#define BASE64_TEXT_SIZE  1024
#define GROUP_NAME_SIZE   64

#define KEY_AUTO          __attribute__((cleanup(free_key))) EVP_PKEY
#define DIGEST_AUTO       __attribute__((cleanup(free_digest))) EVP_MD_CTX

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void free_digest(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static bool decode(struct bytes raw, uint8_t *out, size_t max, size_t *ret_length)
{
    char text[BASE64_TEXT_SIZE];
    if (raw.length >= sizeof text)
        return false;
    memcpy(text, raw.data, raw.length);
    text[raw.length] = '\0';
    return base64_decode(text, out, max, ret_length) == ERR_OK;
}

/* NULL unless the whole of der is a P-256 key. */
static EVP_PKEY *read_key(const uint8_t *der, size_t length)
{
    char group[GROUP_NAME_SIZE];
    const uint8_t *at = der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)length);
    if (key != NULL && at == der + length && EVP_PKEY_is_a(key, "EC") == 1 &&
        EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
        strcmp(group, "prime256v1") == 0)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static bool signature_holds(EVP_PKEY *key, struct bytes message, struct bytes signature)
{
    DIGEST_AUTO *context = EVP_MD_CTX_new();
    return context != NULL &&
           EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
           EVP_DigestVerify(context, signature.data, signature.length, message.data,
                            message.length) == 1;
}

static bool receipt_holds(const struct leaf *leaf)
{
    uint8_t der[KEY_MAX];
    uint8_t signature[SIGNATURE_MAX];
    size_t der_length = 0;
    size_t signature_length = 0;
    char install[INSTALL_TEXT_SIZE];
    const struct uuid id = leaf_uuid(leaf, FIELD_INSTALL);
    uuid_format(&id, INSTALL_PREFIX, install, sizeof install);
    if (!decode(leaf_text(leaf, FIELD_KEY), der, sizeof der, &der_length) ||
        !decode(leaf_text(leaf, FIELD_RECEIPT), signature, sizeof signature, &signature_length))
        return false;
    KEY_AUTO *key = read_key(der, der_length);
    return key != NULL && signature_holds(key, bytes_of(install, strlen(install)),
                                          bytes_of(signature, signature_length));
}

bool leaf_receipt_key(const struct leaf *leaf, struct sha256 *ret_key)
{
    uint8_t der[KEY_MAX];
    size_t length = 0;
    if (!leaf_has(leaf, FIELD_KEY) || !decode(leaf_text(leaf, FIELD_KEY), der, sizeof der, &length))
        return false;
    *ret_key = sha256_of(bytes_of(der, length));
    return true;
}

void leaf_check_receipt(struct leaf *leaf)
{
    if (leaf->type != LEAF_INSTALL_OUTCOME || !leaf_has(leaf, FIELD_RECEIPT))
        return;
    leaf->receipt = receipt_holds(leaf) ? LEAF_RECEIPT_HOLDS : LEAF_RECEIPT_WRONG;
    ERR_clear_error(); /* a wrong signature is an answer, not an error to keep */
}
