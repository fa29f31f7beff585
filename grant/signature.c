/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signatures through libcrypto. Its CMS of version 3.0 does not know Ed25519 (RFC 8419), whose
 * signature over the attributes is therefore checked here. Owns no state.
 */
#include "grant/signature.h"

#include <stddef.h>
#include <stdint.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define READ_BYTES 4096

static const EVP_MD *digest_of(CMS_SignerInfo *signer)
{
    X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;
    CMS_SignerInfo_get0_algs(signer, NULL, NULL, &algorithm, NULL);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    switch (OBJ_obj2nid(object)) {
    case NID_sha256:
        return EVP_sha256();
    case NID_sha384:
        return EVP_sha384();
    case NID_sha512:
        return EVP_sha512();
    default:
        return NULL;
    }
}

static bool has_attributes(const CMS_SignerInfo *signer)
{
    return CMS_signed_get_attr_count(signer) > 0;
}

/* RFC 5652 §11.1: the attribute that ties the signature to this type of content, exactly once. */
static bool is_for_data(const CMS_SignerInfo *signer)
{
    const ASN1_OBJECT *type =
        CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);
    return type != NULL && OBJ_obj2nid(type) == NID_pkcs7_data;
}

/*
 * The content through one digest, for CMS_SignerInfo_verify_content. The digests that the document
 * announces are not asked for: a hostile one could announce thousands.
 */
static BIO *hash_content(const EVP_MD *digest, struct bytes content)
{
    uint8_t scratch[READ_BYTES];
    BIO *hash = BIO_new(BIO_f_md());
    BIO *source = BIO_new_mem_buf(content.data, (int)content.length);
    if (hash == NULL || source == NULL || BIO_set_md(hash, digest) != 1) {
        BIO_free(hash);
        BIO_free(source);
        return NULL;
    }
    (void)BIO_push(hash, source);
    while (BIO_read(hash, scratch, sizeof scratch) > 0)
        continue;
    return hash;
}

bool signature_covers(CMS_SignerInfo *signer, struct bytes content)
{
    const EVP_MD *digest = digest_of(signer);
    if (digest == NULL || !has_attributes(signer) || !is_for_data(signer))
        return false;
    BIO *hash = hash_content(digest, content);
    bool is_covered = hash != NULL && CMS_SignerInfo_verify_content(signer, hash) == 1;
    BIO_free_all(hash);
    return is_covered;
}

/* ---- Ed25519 ---- */

static size_t attributes_length(const CMS_SignerInfo *signer)
{
    size_t length = 0;
    for (int i = 0; i < CMS_signed_get_attr_count(signer); i++) {
        int one = i2d_X509_ATTRIBUTE(CMS_signed_get_attr(signer, i), NULL);
        length += one > 0 ? (size_t)one : 0;
    }
    return length;
}

/* What is signed: the attributes as a SET, in their order (RFC 5652 §5.4). NULL without memory. */
static uint8_t *encode_attributes(const CMS_SignerInfo *signer, size_t *ret_length)
{
    int inner = (int)attributes_length(signer);
    int length = ASN1_object_size(1, inner, V_ASN1_SET);
    uint8_t *der = length > 0 ? OPENSSL_malloc((size_t)length) : NULL;
    uint8_t *at = der;
    if (der == NULL)
        return NULL;
    ASN1_put_object(&at, 1, inner, V_ASN1_SET, V_ASN1_UNIVERSAL);
    for (int i = 0; i < CMS_signed_get_attr_count(signer); i++)
        (void)i2d_X509_ATTRIBUTE(CMS_signed_get_attr(signer, i), &at);
    *ret_length = (size_t)length;
    return der;
}

static bool verify_ed25519(CMS_SignerInfo *signer, EVP_PKEY *key)
{
    const ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(signer);
    size_t length = 0;
    uint8_t *attributes = encode_attributes(signer, &length);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool holds = attributes != NULL && context != NULL &&
                 EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                 EVP_DigestVerify(context, ASN1_STRING_get0_data(signature),
                                  (size_t)ASN1_STRING_length(signature), attributes, length) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(attributes);
    return holds;
}

/* ---- one signature ---- */

static bool attributes_are_signed(CMS_SignerInfo *signer, X509 *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (EVP_PKEY_is_a(key, "ED25519") == 1)
        return verify_ed25519(signer, key);
    CMS_SignerInfo_set1_signer_cert(signer, certificate);
    return CMS_SignerInfo_verify(signer) == 1;
}

const char *signature_check(CMS_SignerInfo *signer, X509 *certificate, struct bytes content)
{
    if (!has_attributes(signer))
        return "One of the product's authorities signed without signed attributes: sign without "
               "-noattr.";
    if (digest_of(signer) == NULL)
        return "One of the product's authorities signed with another digest than SHA-256, SHA-384 "
               "or SHA-512: sign with -md sha256.";
    if (!signature_covers(signer, content) || !attributes_are_signed(signer, certificate))
        return "The signature of one of the product's authorities is wrong: the document was "
               "altered.";
    return NULL;
}
