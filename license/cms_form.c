/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libcrypto's CMS functions would need the session key in this program's memory, so the structure
 * is written here: each function writes one type of the standard, its last member first. Owns no
 * state.
 */
#include "license/cms_form.h"

#include <string.h>

#include "license/der.h"

#define AUTHENTICATED_VERSION 0 /* RFC 5083 §2.1 */
#define ENVELOPED_VERSION     2 /* RFC 5652 §6.1, with a key agreement recipient */
#define TRANSPORT_ONLY        0 /* RFC 5652 §6.1, without one */
#define AGREEMENT_VERSION     3 /* RFC 5652 §6.2.2 */
#define TRANSPORT_VERSION     0 /* RFC 5652 §6.2.1, with issuerAndSerialNumber */
#define GCM_TAG_BYTES         16

/* ---- object identifiers ---- */

#define OID(...)                                            \
    {                                                       \
        0x06, sizeof((uint8_t[]){__VA_ARGS__}), __VA_ARGS__ \
    }

/* 1.2.840.113549.1.9.16.1.23, .1.7.3 and .1.7.1 */
static const uint8_t AUTH_ENVELOPED_DATA[] =
    OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17);
static const uint8_t ENVELOPED_DATA[] = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03);
static const uint8_t DATA[] = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01);
/* 2.16.840.1.101.3.4.1.42, .45 and .46; 2.16.840.1.101.3.4.2.1 */
static const uint8_t AES256_CBC[] = OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a);
static const uint8_t AES256_WRAP[] = OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d);
static const uint8_t AES256_GCM[] = OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e);
static const uint8_t SHA_256[] = OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01);
/* 1.3.132.1.11.1 and .2; 1.2.840.10045.2.1 */
static const uint8_t STD_DH_SHA256_KDF[] = OID(0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01);
static const uint8_t STD_DH_SHA384_KDF[] = OID(0x2b, 0x81, 0x04, 0x01, 0x0b, 0x02);
static const uint8_t EC_PUBLIC_KEY[] = OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01);
/* 1.2.840.113549.1.1.7 and .8 */
static const uint8_t RSAES_OAEP[] = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07);
static const uint8_t MGF1[] = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08);

#define PUT(der, oid) der_raw(der, bytes_of(oid, sizeof(oid)))

/* ---- algorithms ---- */

/* Parameters absent (RFC 3565 §2.3.2). */
static void put_wrap(struct der *der)
{
    const uint8_t *end = der->at;
    PUT(der, AES256_WRAP);
    der_enclose(der, DER_SEQUENCE, end);
}

static void put_agreement_algorithm(struct der *der, enum license_key key)
{
    const uint8_t *end = der->at;
    put_wrap(der);
    if (key == LICENSE_P384)
        PUT(der, STD_DH_SHA384_KDF);
    else
        PUT(der, STD_DH_SHA256_KDF);
    der_enclose(der, DER_SEQUENCE, end);
}

static void put_sha256(struct der *der)
{
    static const uint8_t null[] = {0x05, 0x00};
    const uint8_t *end = der->at;
    PUT(der, null);
    PUT(der, SHA_256);
    der_enclose(der, DER_SEQUENCE, end);
}

/* The hash and MGF1 with it (RFC 4055 §4.1); SHA-1 is the default, which DER leaves out. */
static void put_oaep_parameters(struct der *der, enum license_hash hash)
{
    const uint8_t *end = der->at;
    if (hash != LICENSE_SHA1) {
        put_sha256(der);
        PUT(der, MGF1);
        der_enclose(der, DER_SEQUENCE, end);
        der_enclose(der, DER_CONTEXT(1), end);
        const uint8_t *mgf = der->at;
        put_sha256(der);
        der_enclose(der, DER_CONTEXT(0), mgf);
    }
    der_enclose(der, DER_SEQUENCE, end);
}

static void put_transport_algorithm(struct der *der, enum license_hash hash)
{
    const uint8_t *end = der->at;
    put_oaep_parameters(der, hash);
    PUT(der, RSAES_OAEP);
    der_enclose(der, DER_SEQUENCE, end);
}

/* The tag length is written although it could be left out: its default is 12 (RFC 5084 §3.2). */
static void put_gcm(struct der *der, struct bytes nonce)
{
    const uint8_t *end = der->at;
    der_integer(der, GCM_TAG_BYTES);
    der_value(der, DER_OCTET_STRING, nonce);
    der_enclose(der, DER_SEQUENCE, end);
    PUT(der, AES256_GCM);
    der_enclose(der, DER_SEQUENCE, end);
}

/* RFC 3565 §2.2: the parameter is the IV. */
static void put_cbc(struct der *der, struct bytes iv)
{
    const uint8_t *end = der->at;
    der_value(der, DER_OCTET_STRING, iv);
    PUT(der, AES256_CBC);
    der_enclose(der, DER_SEQUENCE, end);
}

/* ---- the recipient ---- */

static void put_recipient_id(struct der *der, const struct cms_form *form)
{
    const uint8_t *end = der->at;
    der_value(der, DER_INTEGER, form->serial);
    der_raw(der, form->issuer);
    der_enclose(der, DER_SEQUENCE, end);
}

/* The curve is the recipient's, so the parameters stay absent (RFC 5753 §3.1.1). originatorKey is
 * alternative [1] of OriginatorIdentifierOrKey. */
static void put_originator(struct der *der, struct bytes point)
{
    static const uint8_t unused_bits[] = {0};
    const uint8_t *end = der->at;
    der_raw(der, point);
    PUT(der, unused_bits);
    der_enclose(der, DER_BIT_STRING, end);
    const uint8_t *key = der->at;
    PUT(der, EC_PUBLIC_KEY);
    der_enclose(der, DER_SEQUENCE, key);
    der_enclose(der, DER_CONTEXT(1), end);
    der_enclose(der, DER_CONTEXT(0), end);
}

static void put_octets(struct der *der, uint8_t context, struct bytes ukm)
{
    const uint8_t *end = der->at;
    der_value(der, DER_OCTET_STRING, ukm);
    der_enclose(der, context, end);
}

/* One RecipientEncryptedKey in its list. */
static void put_encrypted_keys(struct der *der, const struct cms_form *form)
{
    const uint8_t *end = der->at;
    der_value(der, DER_OCTET_STRING, form->encrypted_key);
    put_recipient_id(der, form);
    der_enclose(der, DER_SEQUENCE, end);
    der_enclose(der, DER_SEQUENCE, end);
}

/* kari is alternative [1] of RecipientInfo. */
static void put_agreement(struct der *der, const struct cms_form *form)
{
    const uint8_t *end = der->at;
    put_encrypted_keys(der, form);
    put_agreement_algorithm(der, form->key);
    put_octets(der, DER_CONTEXT(1), form->ukm);
    put_originator(der, form->point);
    der_integer(der, AGREEMENT_VERSION);
    der_enclose(der, DER_CONTEXT(1), end);
}

/* ktri has no tag of its own. */
static void put_transport(struct der *der, const struct cms_form *form)
{
    const uint8_t *end = der->at;
    der_value(der, DER_OCTET_STRING, form->encrypted_key);
    put_transport_algorithm(der, form->oaep_hash);
    put_recipient_id(der, form);
    der_integer(der, TRANSPORT_VERSION);
    der_enclose(der, DER_SEQUENCE, end);
}

static void put_recipients(struct der *der, const struct cms_form *form)
{
    const uint8_t *end = der->at;
    if (form->key == LICENSE_RSA)
        put_transport(der, form);
    else
        put_agreement(der, form);
    der_enclose(der, DER_SET, end);
}

/* ---- the whole ---- */

/* encryptedContent is left out: the content is detached. */
static void put_content(struct der *der, const struct cms_form *form)
{
    const uint8_t *end = der->at;
    if (form->cipher == LICENSE_AES_GCM)
        put_gcm(der, form->iv);
    else
        put_cbc(der, form->iv);
    PUT(der, DATA);
    der_enclose(der, DER_SEQUENCE, end);
}

static uint8_t version_of(const struct cms_form *form)
{
    if (form->cipher == LICENSE_AES_GCM)
        return AUTHENTICATED_VERSION;
    return form->key == LICENSE_RSA ? TRANSPORT_ONLY : ENVELOPED_VERSION;
}

/* The tag is AuthEnvelopedData's mac. */
static void put_license(struct der *der, const struct cms_form *form)
{
    const bool is_authenticated = form->cipher == LICENSE_AES_GCM;
    const uint8_t *end = der->at;
    if (is_authenticated)
        der_value(der, DER_OCTET_STRING, form->tag);
    put_content(der, form);
    put_recipients(der, form);
    der_integer(der, version_of(form));
    der_enclose(der, DER_SEQUENCE, end);
    der_enclose(der, DER_CONTEXT(0), end);
    if (is_authenticated)
        PUT(der, AUTH_ENVELOPED_DATA);
    else
        PUT(der, ENVELOPED_DATA);
    der_enclose(der, DER_SEQUENCE, end);
}

enum error cms_form_encode(const struct cms_form *form, struct license *ret_license)
{
    uint8_t buffer[LICENSE_MAX_BYTES];
    struct der der = der_begin(buffer, sizeof buffer);
    put_license(&der, form);
    if (!der_fits(&der))
        return ERR_TOO_LARGE;
    const struct bytes written = der_bytes(&der);
    memcpy(ret_license->bytes, written.data, written.length);
    ret_license->length = written.length;
    return ERR_OK;
}

enum error cms_form_shared_info(struct bytes ukm, uint8_t *out, size_t *ret_length)
{
    static const uint8_t kek_bits[] = {0x00, 0x00, 0x01, 0x00}; /* 256 */
    uint8_t buffer[LICENSE_SHARED_INFO_MAX];
    struct der der = der_begin(buffer, sizeof buffer);
    const uint8_t *end = der.at;
    put_octets(&der, DER_CONTEXT(2), bytes_of(kek_bits, sizeof kek_bits));
    put_octets(&der, DER_CONTEXT(0), ukm);
    put_wrap(&der);
    der_enclose(&der, DER_SEQUENCE, end);
    if (!der_fits(&der))
        return ERR_INTERNAL;
    const struct bytes written = der_bytes(&der);
    memcpy(out, written.data, written.length);
    *ret_length = written.length;
    return ERR_OK;
}
