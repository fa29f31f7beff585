/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Profile "cms": AuthEnvelopedData (RFC 5083) with one key agreement recipient (RFC 5753), AES-256
 * key wrap and detached AES-256-GCM content (RFC 5084). docs/profiles/cms.md describes every byte.
 *
 * libcrypto's CMS functions would need the session key in this program's memory, so the structure
 * is written through private templates that reuse libcrypto's types. They are only ever encoded,
 * never parsed. Owns no state.
 */
#include "license/profile.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#define SESSION_KEY_BYTES 32
#define WRAPPED_KEY_BYTES (SESSION_KEY_BYTES + 8) /* RFC 3394 */
#define KEK_BYTES         32
#define POINT_BYTES       65 /* P-256, uncompressed */
#define GCM_NONCE_BYTES   12
#define GCM_TAG_BYTES     16
#define BINDING_MAX_BYTES 1024 /* of the hashed encoding; names have some hundred bytes at most */
#define SERIAL_MAX_BYTES  32   /* of the certificate's serial number; RFC 5280 allows 20 */

#define ENVELOPED_VERSION 0 /* RFC 5083 §2.1 */
#define RECIPIENT_VERSION 3 /* RFC 5652 §6.2.2 */

/* Begins the hashed encoding, so that its hash can never be one of another profile or version. */
static const char BINDING_DOMAIN[] = "provisiond-license-cms-1";

/* ---- the structure ---- */

struct cms_recipient_id {
    ASN1_TYPE *issuer; /* Name, as the device's certificate encodes it */
    ASN1_INTEGER *serial;
};

struct cms_encrypted_key {
    struct cms_recipient_id *recipient;
    ASN1_OCTET_STRING *key;
};

struct cms_recipient {
    ASN1_INTEGER *version;
    X509_PUBKEY *originator; /* has the fields of an OriginatorPublicKey */
    ASN1_OCTET_STRING *ukm;
    X509_ALGOR *algorithm;
    OPENSSL_STACK *keys;
};

struct cms_content {
    ASN1_OBJECT *type;
    X509_ALGOR *algorithm;
};

struct cms_enveloped {
    ASN1_INTEGER *version;
    OPENSSL_STACK *recipients;
    struct cms_content *content;
    ASN1_OCTET_STRING *mac;
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

ASN1_SEQUENCE(CMS_RECIPIENT) = {
    ASN1_SIMPLE(struct cms_recipient, version, ASN1_INTEGER),
    ASN1_EXP(struct cms_recipient, originator, CMS_ORIGINATOR, 0),
    ASN1_EXP(struct cms_recipient, ukm, ASN1_OCTET_STRING, 1),
    ASN1_SIMPLE(struct cms_recipient, algorithm, X509_ALGOR),
    ASN1_SEQUENCE_OF(struct cms_recipient, keys, CMS_ENCRYPTED_KEY),
} static_ASN1_SEQUENCE_END_name(struct cms_recipient, CMS_RECIPIENT)

/* kari is alternative [1] of RecipientInfo. */
ASN1_ITEM_TEMPLATE(CMS_RECIPIENT_INFO) =
    ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_IMPTAG | ASN1_TFLG_CONTEXT, 1, kari, CMS_RECIPIENT)
static_ASN1_ITEM_TEMPLATE_END(CMS_RECIPIENT_INFO)

/* encryptedContent is left out: the content is detached. */
ASN1_SEQUENCE(CMS_CONTENT) = {
    ASN1_SIMPLE(struct cms_content, type, ASN1_OBJECT),
    ASN1_SIMPLE(struct cms_content, algorithm, X509_ALGOR),
} static_ASN1_SEQUENCE_END_name(struct cms_content, CMS_CONTENT)

ASN1_SEQUENCE(CMS_ENVELOPED) = {
    ASN1_SIMPLE(struct cms_enveloped, version, ASN1_INTEGER),
    ASN1_SET_OF(struct cms_enveloped, recipients, CMS_RECIPIENT_INFO),
    ASN1_SIMPLE(struct cms_enveloped, content, CMS_CONTENT),
    ASN1_SIMPLE(struct cms_enveloped, mac, ASN1_OCTET_STRING),
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

    /* ---- the binding ---- */

    struct binding {
    uint8_t bytes[BINDING_MAX_BYTES];
    size_t length;
    bool is_full;
};

static void binding_add(struct binding *binding, struct bytes field)
{
    size_t left = sizeof binding->bytes - binding->length;
    if (binding->is_full || left < 4 || left - 4 < field.length) {
        binding->is_full = true;
        return;
    }
    uint8_t *out = binding->bytes + binding->length;
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(field.length >> (24 - 8 * i));
    if (field.length > 0)
        memcpy(out + 4, field.data, field.length);
    binding->length += 4 + field.length;
}

/* The ukm: SHA-256 of what this license is for. False when the names are absurdly long. */
static bool binding_hash(const struct license_subject *subject, struct sha256 *ret_ukm)
{
    struct binding binding = {0};
    binding_add(&binding, bytes_of(BINDING_DOMAIN, sizeof BINDING_DOMAIN - 1));
    binding_add(&binding, bytes_of(subject->product, strlen(subject->product)));
    binding_add(&binding, bytes_of(subject->image.bytes, SHA256_SIZE));
    binding_add(&binding, bytes_of(subject->device_spki.bytes, SHA256_SIZE));
    binding_add(&binding, bytes_of(subject->device_serial, strlen(subject->device_serial)));
    if (binding.is_full)
        return false;
    *ret_ukm = sha256_of(bytes_of(binding.bytes, binding.length));
    return true;
}

/* ---- the agreement ---- */

static bool subject_is_fit(const struct license_subject *subject)
{
    return subject->content_iv.length == GCM_NONCE_BYTES &&
           subject->content_tag.length == GCM_TAG_BYTES && subject->device_issuer.length > 0 &&
           subject->certificate_serial.length > 0 &&
           subject->certificate_serial.length <= SERIAL_MAX_BYTES;
}

/* AES-256 key wrap, its parameters absent (RFC 3565 §2.3.2). */
static X509_ALGOR *wrap_algorithm(void)
{
    X509_ALGOR *algorithm = X509_ALGOR_new();
    if (algorithm != NULL)
        (void)X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_id_aes256_wrap), V_ASN1_UNDEF, NULL);
    return algorithm;
}

/* ECC-CMS-SharedInfo (RFC 5753 §7.2); the caller frees *ret_der. Its length, or -1. */
static int shared_info_encode(const struct sha256 *ukm, unsigned char **ret_der)
{
    int length = -1;
    X509_ALGOR *algorithm = wrap_algorithm();
    ASN1_OCTET_STRING *user_info = ASN1_OCTET_STRING_new();
    if (algorithm != NULL && user_info != NULL &&
        ASN1_OCTET_STRING_set(user_info, ukm->bytes, SHA256_SIZE) == 1)
        length = CMS_SharedInfo_encode(ret_der, algorithm, user_info, KEK_BYTES);
    X509_ALGOR_free(algorithm);
    ASN1_OCTET_STRING_free(user_info);
    return length;
}

static enum error cms_agreement(const struct license_subject *subject,
                                struct license_agreement *ret_agreement)
{
    struct sha256 ukm;
    unsigned char *der = NULL;
    if (!subject_is_fit(subject) || !binding_hash(subject, &ukm))
        return ERR_UNSUPPORTED;
    int length = shared_info_encode(&ukm, &der);
    ERR_clear_error();
    if (length <= 0 || length > LICENSE_SHARED_INFO_MAX) {
        OPENSSL_free(der);
        return ERR_INTERNAL;
    }
    *ret_agreement = (struct license_agreement){.curve = LICENSE_P256,
                                                .kdf = LICENSE_X963_SHA256,
                                                .wrap = LICENSE_AES_KEY_WRAP,
                                                .shared_info_length = (size_t)length,
                                                .kek_bytes = KEK_BYTES};
    memcpy(ret_agreement->shared_info, der, (size_t)length);
    OPENSSL_free(der);
    return ERR_OK;
}

/* ---- filling the structure; each is false for lack of memory ---- */

static bool octets_set(ASN1_OCTET_STRING *string, struct bytes value)
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

static bool agreement_algorithm_set(X509_ALGOR *algorithm)
{
    X509_ALGOR *wrap = wrap_algorithm();
    bool is_set = wrap != NULL && algorithm_set(algorithm, NID_dhSinglePass_stdDH_sha256kdf_scheme,
                                                wrap, ASN1_ITEM_rptr(X509_ALGOR));
    X509_ALGOR_free(wrap);
    return is_set;
}

/* The tag length is written although it could be left out: its default is 12 (RFC 5084 §3.2). */
static bool content_algorithm_set(X509_ALGOR *algorithm, struct bytes nonce)
{
    struct cms_gcm *gcm = (void *)ASN1_item_new(ASN1_ITEM_rptr(CMS_GCM));
    bool is_set = gcm != NULL && octets_set(gcm->nonce, nonce) &&
                  ASN1_INTEGER_set(gcm->tag_length, GCM_TAG_BYTES) == 1 &&
                  algorithm_set(algorithm, NID_aes_256_gcm, gcm, ASN1_ITEM_rptr(CMS_GCM));
    ASN1_item_free((void *)gcm, ASN1_ITEM_rptr(CMS_GCM));
    return is_set;
}

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
    uint8_t der[2 + SERIAL_MAX_BYTES] = {V_ASN1_INTEGER, (uint8_t)content.length};
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

static bool recipient_set(struct cms_recipient *recipient, const struct license_subject *subject,
                          const struct license_wrapped *wrapped, const struct sha256 *ukm)
{
    struct cms_encrypted_key *key = list_add(recipient->keys, ASN1_ITEM_rptr(CMS_ENCRYPTED_KEY));
    return key != NULL && ASN1_INTEGER_set(recipient->version, RECIPIENT_VERSION) == 1 &&
           originator_set(recipient->originator, wrapped->ephemeral_point) &&
           octets_set(recipient->ukm, bytes_of(ukm->bytes, SHA256_SIZE)) &&
           agreement_algorithm_set(recipient->algorithm) &&
           issuer_set(key->recipient->issuer, subject->device_issuer) &&
           serial_set(key->recipient->serial, subject->certificate_serial) &&
           octets_set(key->key, wrapped->wrapped_key);
}

static bool license_set(struct cms_license *license, const struct license_subject *subject,
                        const struct license_wrapped *wrapped, const struct sha256 *ukm)
{
    struct cms_enveloped *enveloped = license->enveloped;
    struct cms_recipient *recipient =
        list_add(enveloped->recipients, ASN1_ITEM_rptr(CMS_RECIPIENT_INFO));
    license->type = OBJ_nid2obj(NID_id_smime_ct_authEnvelopedData);
    enveloped->content->type = OBJ_nid2obj(NID_pkcs7_data);
    return recipient != NULL && recipient_set(recipient, subject, wrapped, ukm) &&
           ASN1_INTEGER_set(enveloped->version, ENVELOPED_VERSION) == 1 &&
           content_algorithm_set(enveloped->content->algorithm, subject->content_iv) &&
           octets_set(enveloped->mac, subject->content_tag);
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

static enum error cms_encode(const struct license_subject *subject,
                             const struct license_wrapped *wrapped, struct license *ret_license)
{
    struct sha256 ukm;
    enum error e = ERR_INTERNAL;
    if (!subject_is_fit(subject) || !binding_hash(subject, &ukm))
        return ERR_UNSUPPORTED;
    if (wrapped->wrapped_key.length != WRAPPED_KEY_BYTES ||
        wrapped->ephemeral_point.length != POINT_BYTES)
        return ERR_INTERNAL;
    struct cms_license *license = (void *)ASN1_item_new(ASN1_ITEM_rptr(CMS_LICENSE));
    if (license != NULL && license_set(license, subject, wrapped, &ukm))
        e = license_write(license, ret_license);
    ASN1_item_free((void *)license, ASN1_ITEM_rptr(CMS_LICENSE));
    ERR_clear_error();
    return e;
}

const struct license_profile LICENSE_PROFILE_CMS = {.name = "cms",
                                                    .session_key_bytes = SESSION_KEY_BYTES,
                                                    .device = LICENSE_X509_DEVICE,
                                                    .exposes_session_key = false,
                                                    .agreement = cms_agreement,
                                                    .encode = cms_encode};
