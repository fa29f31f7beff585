/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libcrypto's CMS functions would need the session key in this program's memory, so the structure
 * is written through private templates that reuse libcrypto's types. They are only ever encoded,
 * never parsed. Owns no state.
 */
#include "license/cms_form.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define KEK_BYTES             32
#define GCM_TAG_BYTES         16

#define AUTHENTICATED_VERSION 0 /* RFC 5083 §2.1 */
#define ENVELOPED_VERSION     2 /* RFC 5652 §6.1, with a key agreement recipient */
#define TRANSPORT_ONLY        0 /* RFC 5652 §6.1, without one */
#define AGREEMENT_VERSION     3 /* RFC 5652 §6.2.2 */
#define TRANSPORT_VERSION     0 /* RFC 5652 §6.2.1, with issuerAndSerialNumber */

/* ---- the structure ---- */

struct cms_recipient_id {
    ASN1_TYPE *issuer; /* Name, as the device's certificate encodes it */
    ASN1_INTEGER *serial;
};

struct cms_encrypted_key {
    struct cms_recipient_id *recipient;
    ASN1_OCTET_STRING *key;
};

struct cms_agreement {
    ASN1_INTEGER *version;
    X509_PUBKEY *originator; /* has the fields of an OriginatorPublicKey */
    ASN1_OCTET_STRING *ukm;
    X509_ALGOR *algorithm;
    OPENSSL_STACK *keys;
};

struct cms_transport {
    ASN1_INTEGER *version;
    struct cms_recipient_id *recipient;
    X509_ALGOR *algorithm;
    ASN1_OCTET_STRING *key;
};

enum recipient_type { TRANSPORT, AGREEMENT }; /* in the order of the alternatives below */

struct cms_recipient {
    int type;
    union {
        struct cms_transport *transport;
        struct cms_agreement *agreement;
    } as;
};

struct cms_content {
    ASN1_OBJECT *type;
    X509_ALGOR *algorithm;
};

struct cms_enveloped {
    ASN1_INTEGER *version;
    OPENSSL_STACK *recipients;
    struct cms_content *content;
    ASN1_OCTET_STRING *mac; /* AuthEnvelopedData alone */
};

struct cms_license {
    ASN1_OBJECT *type;
    struct cms_enveloped *enveloped;
};

struct cms_gcm {
    ASN1_OCTET_STRING *nonce;
    ASN1_INTEGER *tag_length;
};

/* clang-format off */
ASN1_SEQUENCE(CMS_RECIPIENT_ID) = {
    ASN1_SIMPLE(struct cms_recipient_id, issuer, ASN1_ANY),
    ASN1_SIMPLE(struct cms_recipient_id, serial, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END_name(struct cms_recipient_id, CMS_RECIPIENT_ID)

ASN1_SEQUENCE(CMS_ENCRYPTED_KEY) = {
    ASN1_SIMPLE(struct cms_encrypted_key, recipient, CMS_RECIPIENT_ID),
    ASN1_SIMPLE(struct cms_encrypted_key, key, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct cms_encrypted_key, CMS_ENCRYPTED_KEY)

/* originatorKey is alternative [1] of OriginatorIdentifierOrKey. */
ASN1_ITEM_TEMPLATE(CMS_ORIGINATOR) =
    ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_IMPTAG | ASN1_TFLG_CONTEXT, 1, originator, X509_PUBKEY)
static_ASN1_ITEM_TEMPLATE_END(CMS_ORIGINATOR)

ASN1_SEQUENCE(CMS_AGREEMENT) = {
    ASN1_SIMPLE(struct cms_agreement, version, ASN1_INTEGER),
    ASN1_EXP(struct cms_agreement, originator, CMS_ORIGINATOR, 0),
    ASN1_EXP(struct cms_agreement, ukm, ASN1_OCTET_STRING, 1),
    ASN1_SIMPLE(struct cms_agreement, algorithm, X509_ALGOR),
    ASN1_SEQUENCE_OF(struct cms_agreement, keys, CMS_ENCRYPTED_KEY),
} static_ASN1_SEQUENCE_END_name(struct cms_agreement, CMS_AGREEMENT)

ASN1_SEQUENCE(CMS_TRANSPORT) = {
    ASN1_SIMPLE(struct cms_transport, version, ASN1_INTEGER),
    ASN1_SIMPLE(struct cms_transport, recipient, CMS_RECIPIENT_ID),
    ASN1_SIMPLE(struct cms_transport, algorithm, X509_ALGOR),
    ASN1_SIMPLE(struct cms_transport, key, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct cms_transport, CMS_TRANSPORT)

/* ktri has no tag of its own, kari is alternative [1] of RecipientInfo. */
ASN1_CHOICE(CMS_RECIPIENT) = {
    ASN1_SIMPLE(struct cms_recipient, as.transport, CMS_TRANSPORT),
    ASN1_IMP(struct cms_recipient, as.agreement, CMS_AGREEMENT, 1),
} static_ASN1_CHOICE_END_name(struct cms_recipient, CMS_RECIPIENT)

/* encryptedContent is left out: the content is detached. */
ASN1_SEQUENCE(CMS_CONTENT) = {
    ASN1_SIMPLE(struct cms_content, type, ASN1_OBJECT),
    ASN1_SIMPLE(struct cms_content, algorithm, X509_ALGOR),
} static_ASN1_SEQUENCE_END_name(struct cms_content, CMS_CONTENT)

ASN1_SEQUENCE(CMS_ENVELOPED) = {
    ASN1_SIMPLE(struct cms_enveloped, version, ASN1_INTEGER),
    ASN1_SET_OF(struct cms_enveloped, recipients, CMS_RECIPIENT),
    ASN1_SIMPLE(struct cms_enveloped, content, CMS_CONTENT),
    ASN1_OPT(struct cms_enveloped, mac, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct cms_enveloped, CMS_ENVELOPED)

ASN1_SEQUENCE(CMS_LICENSE) = {
    ASN1_SIMPLE(struct cms_license, type, ASN1_OBJECT),
    ASN1_EXP(struct cms_license, enveloped, CMS_ENVELOPED, 0),
} static_ASN1_SEQUENCE_END_name(struct cms_license, CMS_LICENSE)

ASN1_SEQUENCE(CMS_GCM) = {
    ASN1_SIMPLE(struct cms_gcm, nonce, ASN1_OCTET_STRING),
    ASN1_SIMPLE(struct cms_gcm, tag_length, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END_name(struct cms_gcm, CMS_GCM)
    /* clang-format on */

    /* ---- algorithms; each is false for lack of memory ---- */

    static bool octets_set(ASN1_OCTET_STRING * string, struct bytes value)
{
    return ASN1_OCTET_STRING_set(string, value.data, (int)value.length) == 1;
}

/* An AlgorithmIdentifier whose parameters are the SEQUENCE that value encodes to. */
static bool algorithm_set(X509_ALGOR *algorithm, int nid, void *value, const ASN1_ITEM *item)
{
    ASN1_STRING *parameters = ASN1_item_pack(value, item, NULL);
    if (parameters == NULL)
        return false;
    if (X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_SEQUENCE, parameters) == 1)
        return true;
    ASN1_STRING_free(parameters);
    return false;
}

/* AES-256 key wrap, its parameters absent (RFC 3565 §2.3.2). */
static X509_ALGOR *wrap_algorithm(void)
{
    X509_ALGOR *algorithm = X509_ALGOR_new();
    if (algorithm != NULL)
        (void)X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_id_aes256_wrap), V_ASN1_UNDEF, NULL);
    return algorithm;
}

static bool agreement_algorithm_set(X509_ALGOR *algorithm, enum license_key key)
{
    const int nid = key == LICENSE_P384 ? NID_dhSinglePass_stdDH_sha384kdf_scheme
                                        : NID_dhSinglePass_stdDH_sha256kdf_scheme;
    X509_ALGOR *wrap = wrap_algorithm();
    bool is_set = wrap != NULL && algorithm_set(algorithm, nid, wrap, ASN1_ITEM_rptr(X509_ALGOR));
    X509_ALGOR_free(wrap);
    return is_set;
}

/* The hash and MGF1 with it (RFC 4055 §4.1); SHA-1 is the default, which DER leaves out. */
static bool oaep_parameters_set(RSA_OAEP_PARAMS *parameters, enum license_hash hash)
{
    if (hash == LICENSE_SHA1)
        return true;
    X509_ALGOR *inner = X509_ALGOR_new();
    parameters->hashFunc = X509_ALGOR_new();
    parameters->maskGenFunc = X509_ALGOR_new();
    const bool is_set =
        inner != NULL && parameters->hashFunc != NULL && parameters->maskGenFunc != NULL &&
        X509_ALGOR_set0(inner, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
        X509_ALGOR_set0(parameters->hashFunc, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
        algorithm_set(parameters->maskGenFunc, NID_mgf1, inner, ASN1_ITEM_rptr(X509_ALGOR));
    X509_ALGOR_free(inner);
    return is_set;
}

static bool transport_algorithm_set(X509_ALGOR *algorithm, enum license_hash hash)
{
    RSA_OAEP_PARAMS *parameters = RSA_OAEP_PARAMS_new();
    const bool is_set =
        parameters != NULL && oaep_parameters_set(parameters, hash) &&
        algorithm_set(algorithm, NID_rsaesOaep, parameters, ASN1_ITEM_rptr(RSA_OAEP_PARAMS));
    RSA_OAEP_PARAMS_free(parameters);
    return is_set;
}

/* The tag length is written although it could be left out: its default is 12 (RFC 5084 §3.2). */
static bool gcm_set(X509_ALGOR *algorithm, struct bytes nonce)
{
    struct cms_gcm *gcm = (void *)ASN1_item_new(ASN1_ITEM_rptr(CMS_GCM));
    bool is_set = gcm != NULL && octets_set(gcm->nonce, nonce) &&
                  ASN1_INTEGER_set(gcm->tag_length, GCM_TAG_BYTES) == 1 &&
                  algorithm_set(algorithm, NID_aes_256_gcm, gcm, ASN1_ITEM_rptr(CMS_GCM));
    ASN1_item_free((void *)gcm, ASN1_ITEM_rptr(CMS_GCM));
    return is_set;
}

/* RFC 3565 §2.2: the parameter is the IV. */
static bool cbc_set(X509_ALGOR *algorithm, struct bytes iv)
{
    ASN1_OCTET_STRING *parameter = ASN1_OCTET_STRING_new();
    if (parameter == NULL || !octets_set(parameter, iv) ||
        X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_aes_256_cbc), V_ASN1_OCTET_STRING, parameter) !=
            1) {
        ASN1_OCTET_STRING_free(parameter);
        return false;
    }
    return true;
}

/* ---- the recipient; each is false for lack of memory ---- */

/* The curve is the recipient's, so the parameters stay absent (RFC 5753 §3.1.1). */
static bool originator_set(X509_PUBKEY *originator, struct bytes point)
{
    unsigned char *copy = OPENSSL_memdup(point.data, point.length);
    if (copy == NULL)
        return false;
    if (X509_PUBKEY_set0_param(originator, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_UNDEF,
                               NULL, copy, (int)point.length) == 1)
        return true;
    OPENSSL_free(copy);
    return false;
}

/* From content octets, through the reader that knows signs and minimal forms. */
static bool serial_set(ASN1_INTEGER *serial, struct bytes content)
{
    uint8_t der[2 + CMS_SERIAL_MAX_BYTES] = {V_ASN1_INTEGER, (uint8_t)content.length};
    const unsigned char *p = der;
    memcpy(der + 2, content.data, content.length);
    return d2i_ASN1_INTEGER(&serial, &p, (long)(2 + content.length)) != NULL;
}

static bool issuer_set(ASN1_TYPE *issuer, struct bytes name)
{
    ASN1_STRING *string = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
    if (string == NULL || ASN1_STRING_set(string, name.data, (int)name.length) != 1) {
        ASN1_STRING_free(string);
        return false;
    }
    ASN1_TYPE_set(issuer, V_ASN1_SEQUENCE, string);
    return true;
}

static bool recipient_id_set(struct cms_recipient_id *recipient, const struct cms_form *form)
{
    return issuer_set(recipient->issuer, form->issuer) &&
           serial_set(recipient->serial, form->serial);
}

/* Makes the only element of a SET OF or SEQUENCE OF; the list owns it. */
static void *list_add(OPENSSL_STACK *list, const ASN1_ITEM *item)
{
    ASN1_VALUE *element = ASN1_item_new(item);
    if (element == NULL || OPENSSL_sk_push(list, element) <= 0) {
        ASN1_item_free(element, item);
        return NULL;
    }
    return element;
}

static bool agreement_set(struct cms_agreement *agreement, const struct cms_form *form)
{
    struct cms_encrypted_key *key = list_add(agreement->keys, ASN1_ITEM_rptr(CMS_ENCRYPTED_KEY));
    return key != NULL && ASN1_INTEGER_set(agreement->version, AGREEMENT_VERSION) == 1 &&
           originator_set(agreement->originator, form->point) &&
           octets_set(agreement->ukm, form->ukm) &&
           agreement_algorithm_set(agreement->algorithm, form->key) &&
           recipient_id_set(key->recipient, form) && octets_set(key->key, form->encrypted_key);
}

static bool transport_set(struct cms_transport *transport, const struct cms_form *form)
{
    return ASN1_INTEGER_set(transport->version, TRANSPORT_VERSION) == 1 &&
           recipient_id_set(transport->recipient, form) &&
           transport_algorithm_set(transport->algorithm, form->oaep_hash) &&
           octets_set(transport->key, form->encrypted_key);
}

static bool recipient_set(struct cms_recipient *recipient, const struct cms_form *form)
{
    if (form->key == LICENSE_RSA) {
        recipient->as.transport = (void *)ASN1_item_new(ASN1_ITEM_rptr(CMS_TRANSPORT));
        recipient->type = recipient->as.transport != NULL ? TRANSPORT : -1;
        return recipient->as.transport != NULL && transport_set(recipient->as.transport, form);
    }
    recipient->as.agreement = (void *)ASN1_item_new(ASN1_ITEM_rptr(CMS_AGREEMENT));
    recipient->type = recipient->as.agreement != NULL ? AGREEMENT : -1;
    return recipient->as.agreement != NULL && agreement_set(recipient->as.agreement, form);
}

/* ---- the whole ---- */

static bool authenticated_set(struct cms_license *license, const struct cms_form *form)
{
    struct cms_enveloped *enveloped = license->enveloped;
    license->type = OBJ_nid2obj(NID_id_smime_ct_authEnvelopedData);
    enveloped->mac = ASN1_OCTET_STRING_new();
    return enveloped->mac != NULL &&
           ASN1_INTEGER_set(enveloped->version, AUTHENTICATED_VERSION) == 1 &&
           gcm_set(enveloped->content->algorithm, form->iv) &&
           octets_set(enveloped->mac, form->tag);
}

static bool enveloped_set(struct cms_license *license, const struct cms_form *form)
{
    struct cms_enveloped *enveloped = license->enveloped;
    license->type = OBJ_nid2obj(NID_pkcs7_enveloped);
    return ASN1_INTEGER_set(enveloped->version,
                            form->key == LICENSE_RSA ? TRANSPORT_ONLY : ENVELOPED_VERSION) == 1 &&
           cbc_set(enveloped->content->algorithm, form->iv);
}

static bool license_set(struct cms_license *license, const struct cms_form *form)
{
    struct cms_recipient *recipient =
        list_add(license->enveloped->recipients, ASN1_ITEM_rptr(CMS_RECIPIENT));
    license->enveloped->content->type = OBJ_nid2obj(NID_pkcs7_data);
    return recipient != NULL && recipient_set(recipient, form) &&
           (form->cipher == LICENSE_AES_GCM ? authenticated_set(license, form)
                                            : enveloped_set(license, form));
}

static enum error license_write(struct cms_license *license, struct license *ret_license)
{
    unsigned char *out = ret_license->bytes;
    int length = ASN1_item_i2d((void *)license, NULL, ASN1_ITEM_rptr(CMS_LICENSE));
    if (length <= 0)
        return ERR_INTERNAL;
    if (length > LICENSE_MAX_BYTES)
        return ERR_TOO_LARGE;
    ret_license->length = (size_t)ASN1_item_i2d((void *)license, &out, ASN1_ITEM_rptr(CMS_LICENSE));
    return ERR_OK;
}

enum error cms_form_encode(const struct cms_form *form, struct license *ret_license)
{
    enum error e = ERR_INTERNAL;
    struct cms_license *license = (void *)ASN1_item_new(ASN1_ITEM_rptr(CMS_LICENSE));
    if (license != NULL && license_set(license, form))
        e = license_write(license, ret_license);
    ASN1_item_free((void *)license, ASN1_ITEM_rptr(CMS_LICENSE));
    ERR_clear_error();
    return e;
}

enum error cms_form_shared_info(struct bytes ukm, uint8_t *out, size_t *ret_length)
{
    unsigned char *der = NULL;
    int length = -1;
    X509_ALGOR *algorithm = wrap_algorithm();
    ASN1_OCTET_STRING *user_info = ASN1_OCTET_STRING_new();
    if (algorithm != NULL && user_info != NULL && octets_set(user_info, ukm))
        length = CMS_SharedInfo_encode(&der, algorithm, user_info, KEK_BYTES);
    X509_ALGOR_free(algorithm);
    ASN1_OCTET_STRING_free(user_info);
    ERR_clear_error();
    const bool fits = length > 0 && length <= LICENSE_SHARED_INFO_MAX;
    if (fits) {
        memcpy(out, der, (size_t)length);
        *ret_length = (size_t)length;
    }
    OPENSSL_free(der);
    return fits ? ERR_OK : ERR_INTERNAL;
}
