/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The check of an ST chip's certificate: form, point, family, signature, in this order. The curve
 * and the anchors' keys are decoded once per product; a call makes one point and verifies. A struct
 * st_anchors is immutable and shared. The thread's queue of libcrypto errors is left empty on every
 * path.
 */
#include "device/st_certificate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "device/identity.h"
#include "device/pem.h"
#include "device/refusal.h"

#define NUMBER_BYTES       32 /* a coordinate, r or s */
#define KEY_BYTES          ((size_t)2 * NUMBER_BYTES)
#define SIGNATURE_BYTES    ((size_t)2 * NUMBER_BYTES)
#define KEY_OFFSET         ST_PRODUCT_ID_BYTES
#define SIGNATURE_OFFSET   (KEY_OFFSET + KEY_BYTES)
#define POINT_COMPRESSED   0x02 /* or 3 */
#define POINT_UNCOMPRESSED 0x04
#define POINT_BYTES        (1 + KEY_BYTES)

/* The parts of a product ID. */
#define FAMILY_DIGITS       3
#define COUNTER_DIGITS      2
#define ZERO_OFFSET         (FAMILY_DIGITS + COUNTER_DIGITS)

#define SERIAL_DIGEST_BYTES 16 /* of the SPKI's SHA-256 */
#define SERIAL_LENGTH       (ST_PRODUCT_ID_BYTES + 1 + 2 * SERIAL_DIGEST_BYTES)

static_assert(SIGNATURE_OFFSET + SIGNATURE_BYTES == ST_CERTIFICATE_BYTES, "parts of a certificate");
static_assert(SERIAL_LENGTH <= DEVICE_SERIAL_MAX_BYTES, "a chip's name is a serial");
static_assert(POINT_BYTES <= DEVICE_POINT_MAX_BYTES, "a chip's point is a device's");

/* Whatever comes before the point in the SubjectPublicKeyInfo of a P-256 key (RFC 5480 §2). */
static const uint8_t SPKI_HEAD[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

struct st_anchors {
    struct st_expectation expectation;
    EC_GROUP *curve;
    EVP_PKEY *keys[DEVICE_ANCHORS_MAX];
    int count;
};

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for a chip's certificate.", 0);
}

/* ---- the product ID ---- */

static bool is_product_id(const uint8_t *text)
{
    for (size_t i = 0; i < ST_PRODUCT_ID_BYTES; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (!is_digit && (text[i] < 'A' || text[i] > 'F'))
            return false;
    }
    return text[ZERO_OFFSET] == '0';
}

bool st_product_id_is_valid(const char *text)
{
    return strlen(text) == ST_PRODUCT_ID_BYTES && is_product_id((const uint8_t *)text);
}

static enum refusal check_family(const struct st_expectation *expectation, const uint8_t *id)
{
    if (memcmp(id, expectation->product_id, FAMILY_DIGITS) != 0)
        return REFUSAL_ST_FAMILY;
    if (memcmp(id + FAMILY_DIGITS, expectation->product_id + FAMILY_DIGITS, COUNTER_DIGITS) != 0)
        return REFUSAL_ST_SECURITY_COUNTER;
    return REFUSAL_NONE;
}

/* ---- anchors ---- */

static enum error keys_parse(struct bytes pem, struct pem_keys *ret_keys, struct fault *fault)
{
    if (pem.length > DEVICE_ANCHORS_MAX_BYTES)
        return fault_set(fault, ERR_BAD_REQUEST, "too-many-anchors",
                         "The trust anchors are longer than 64 KiB.", 0);
    switch (pem_read_public_keys(pem, ret_keys)) {
    case PEM_OK:
        return ERR_OK;
    case PEM_TOO_MANY:
        return fault_set(fault, ERR_BAD_REQUEST, "too-many-anchors",
                         "A product has at most 16 trust anchors.", 0);
    case PEM_MALFORMED:
        return fault_set(fault, ERR_BAD_REQUEST, "not-a-public-key",
                         "A trust anchor is cut off or is not a DER public key.", 0);
    case PEM_FOREIGN:
        return fault_set(fault, ERR_BAD_REQUEST, "not-a-public-key",
                         "Trust anchors of ST chips are PEM public keys and nothing else.", 0);
    case PEM_NO_MEMORY:
        break;
    }
    return out_of_memory(fault);
}

/* A P-256 key whose point is in a form that RFC 5480 §2.2 allows: neither hybrid nor infinity. */
static bool form_is_valid(X509_PUBKEY *spki)
{
    const unsigned char *point = NULL;
    int length = 0;
    return X509_PUBKEY_get0_param(NULL, &point, &length, NULL, spki) == 1 && length > 0 &&
           point[0] >= POINT_COMPRESSED && point[0] <= POINT_UNCOMPRESSED &&
           identity_is_on_p256(spki);
}

/* libcrypto overlooks a BIT STRING with unused bits, so the key is encoded again. */
static bool is_canonical(X509_PUBKEY *spki, EVP_PKEY *key)
{
    unsigned char *given = NULL;
    unsigned char *made = NULL;
    int given_length = i2d_X509_PUBKEY(spki, &given);
    int made_length = i2d_PUBKEY(key, &made);
    bool is_same = given_length > 0 && made_length == given_length &&
                   memcmp(given, made, (size_t)made_length) == 0;
    OPENSSL_free(given);
    OPENSSL_free(made);
    return is_same;
}

static enum error keys_add(struct st_anchors *anchors, const struct pem_keys *keys,
                           struct fault *fault)
{
    for (int i = 0; i < keys->count; i++) {
        X509_PUBKEY *spki = keys->list[i];
        /* libcrypto decodes a public key only when it lies on its curve. */
        EVP_PKEY *key = form_is_valid(spki) ? X509_PUBKEY_get(spki) : NULL;
        if (key != NULL)
            anchors->keys[anchors->count++] = key;
        if (key == NULL || !is_canonical(spki, key))
            return fault_set(fault, ERR_BAD_REQUEST, "anchor-curve",
                             "A trust anchor is not a valid public key on P-256.", 0);
    }
    return ERR_OK;
}

static enum error anchors_make(const struct pem_keys *keys,
                               const struct st_expectation *expectation,
                               struct st_anchors **ret_anchors, struct fault *fault)
{
    struct st_anchors *anchors = calloc(1, sizeof *anchors);
    if (anchors == NULL)
        return out_of_memory(fault);
    anchors->expectation = *expectation;
    anchors->curve = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    enum error e = anchors->curve != NULL ? keys_add(anchors, keys, fault) : out_of_memory(fault);
    if (e == ERR_OK)
        *ret_anchors = anchors;
    else
        st_anchors_free(anchors);
    return e;
}

enum error st_anchors_new(struct bytes pem, const struct st_expectation *expectation,
                          struct st_anchors **ret_anchors, struct fault *fault)
{
    struct pem_keys keys = {0};
    assert(st_product_id_is_valid(expectation->product_id));
    enum error e = keys_parse(pem, &keys, fault);
    if (e == ERR_OK)
        e = anchors_make(&keys, expectation, ret_anchors, fault);
    pem_keys_clear(&keys);
    ERR_clear_error();
    return e;
}

void st_anchors_free(struct st_anchors *anchors)
{
    if (anchors == NULL)
        return;
    for (int i = 0; i < anchors->count; i++)
        EVP_PKEY_free(anchors->keys[i]);
    EC_GROUP_free(anchors->curve);
    free(anchors);
}

/* ---- the point ---- */

/* Reduced coordinates on the curve: libcrypto takes no others, and infinity has another form. */
static enum error check_point(const EC_GROUP *curve, const uint8_t *encoded,
                              enum refusal *ret_refusal)
{
    EC_POINT *point = EC_POINT_new(curve);
    if (point == NULL)
        return ERR_INTERNAL;
    bool is_point = EC_POINT_oct2point(curve, point, encoded, POINT_BYTES, NULL) == 1;
    EC_POINT_free(point);
    if (!is_point)
        *ret_refusal = REFUSAL_ST_POINT;
    return ERR_OK;
}

/* ---- the signature ---- */

static bool is_in_range(const BIGNUM *number, const EC_GROUP *curve)
{
    return !BN_is_zero(number) && BN_cmp(number, EC_GROUP_get0_order(curve)) < 0;
}

/* The signature in the form that libcrypto verifies; the caller frees *ret_der. Its length, or 0
 * for a number out of range, or -1 without memory. */
static int signature_encode(const EC_GROUP *curve, const uint8_t *numbers, unsigned char **ret_der)
{
    int length = -1;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(numbers, NUMBER_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(numbers + NUMBER_BYTES, NUMBER_BYTES, NULL);
    if (signature != NULL && r != NULL && s != NULL) {
        bool is_fit = is_in_range(r, curve) && is_in_range(s, curve);
        (void)ECDSA_SIG_set0(signature, r, s);
        length = is_fit ? i2d_ECDSA_SIG(signature, ret_der) : 0;
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(signature);
    return length;
}

/* 1: this anchor signed; 0: it did not; negative: libcrypto could not work. */
static int verify(EVP_PKEY *anchor, const struct sha256 *digest, struct bytes signature)
{
    int verified = -1;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, anchor, NULL);
    if (context != NULL && EVP_PKEY_verify_init(context) == 1)
        verified =
            EVP_PKEY_verify(context, signature.data, signature.length, digest->bytes, SHA256_SIZE);
    EVP_PKEY_CTX_free(context);
    return verified;
}

static struct sha256 signed_digest(const struct st_anchors *anchors, const uint8_t *certificate)
{
    size_t begin = anchors->expectation.signs_key_only ? KEY_OFFSET : 0;
    return sha256_of(bytes_of(certificate + begin, SIGNATURE_OFFSET - begin));
}

static enum error check_signature(const struct st_anchors *anchors, const uint8_t *certificate,
                                  enum refusal *ret_refusal)
{
    unsigned char *der = NULL;
    int length = signature_encode(anchors->curve, certificate + SIGNATURE_OFFSET, &der);
    struct sha256 digest = signed_digest(anchors, certificate);
    int verified = length < 0 ? -1 : 0;
    for (int i = 0; i < anchors->count && length > 0 && verified == 0; i++)
        verified = verify(anchors->keys[i], &digest, bytes_of(der, (size_t)length));
    OPENSSL_free(der);
    if (verified == 0)
        *ret_refusal = REFUSAL_ST_SIGNATURE;
    return verified < 0 ? ERR_INTERNAL : ERR_OK;
}

/* ---- the device ---- */

static struct sha256 spki_digest(const uint8_t *point)
{
    uint8_t der[sizeof SPKI_HEAD + POINT_BYTES];
    memcpy(der, SPKI_HEAD, sizeof SPKI_HEAD);
    memcpy(der + sizeof SPKI_HEAD, point, POINT_BYTES);
    return sha256_of(bytes_of(der, sizeof der));
}

/* A product ID that nothing proves may be misread; in a name it would make a chip its own clone. */
static void device_fill(const uint8_t *proven_id, const uint8_t *point, struct device *ret_device)
{
    *ret_device = (struct device){
        .spki = spki_digest(point), .key_type = DEVICE_KEY_P256, .point_length = POINT_BYTES};
    memcpy(ret_device->point, point, POINT_BYTES);
    char *serial = ret_device->serial;
    if (proven_id != NULL) {
        memcpy(serial, proven_id, ST_PRODUCT_ID_BYTES);
        serial += ST_PRODUCT_ID_BYTES;
        *serial++ = '-';
    }
    hex_encode(bytes_of(ret_device->spki.bytes, SERIAL_DIGEST_BYTES), serial);
}

/* The checks in the order of docs/profiles/st-sfi.md. */
static enum error check_in_order(const struct st_anchors *anchors, struct bytes certificate,
                                 const uint8_t *point, enum refusal *ret_refusal)
{
    enum error e = check_point(anchors->curve, point, ret_refusal);
    if (e == ERR_OK && *ret_refusal == REFUSAL_NONE)
        *ret_refusal = check_family(&anchors->expectation, certificate.data);
    if (e == ERR_OK && *ret_refusal == REFUSAL_NONE)
        e = check_signature(anchors, certificate.data, ret_refusal);
    return e;
}

enum error st_certificate_check(const struct st_anchors *anchors, struct bytes certificate,
                                struct device *ret_device, struct fault *fault)
{
    uint8_t point[POINT_BYTES] = {POINT_UNCOMPRESSED};
    enum refusal refusal = REFUSAL_NONE;
    if (certificate.length != ST_CERTIFICATE_BYTES)
        return refusal_set(fault, REFUSAL_ST_LENGTH, 0);
    if (!is_product_id(certificate.data))
        return refusal_set(fault, REFUSAL_ST_PRODUCT_ID, 0);
    memcpy(point + 1, certificate.data + KEY_OFFSET, KEY_BYTES);
    enum error e = check_in_order(anchors, certificate, point, &refusal);
    ERR_clear_error();
    if (e != ERR_OK)
        return out_of_memory(fault);
    if (refusal != REFUSAL_NONE)
        return refusal_set(fault, refusal, 0);
    device_fill(anchors->expectation.signs_key_only ? NULL : certificate.data, point, ret_device);
    return ERR_OK;
}
