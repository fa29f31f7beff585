/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads a device certificate's key and names. The one structure that libcrypto does not know, the
 * HardwareModuleName of RFC 4108 §5, is a private template here. Owns no state.
 */
#include "device/identity.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define COORDINATE_BYTES   32 /* P-256, X25519 */
#define COORDINATE_MAX     48 /* P-384 */
#define EXPONENT_BITS_MAX  64
#define INTEGER_HEAD       2 /* tag and short length */
#define POINT_UNCOMPRESSED 0x04

/* Compared as DER content, so that no object has to be made per call. */
static const uint8_t OID_TPM_EK[] = {0x67, 0x81, 0x05, 0x08, 0x01};
static const uint8_t OID_HARDWARE_MODULE[] = {0x2b, 6, 1, 5, 5, 7, 8, 4};

struct hardware_module {
    ASN1_OBJECT *type;
    ASN1_OCTET_STRING *serial;
};

/* clang-format off */
ASN1_SEQUENCE(HARDWARE_MODULE) = {
    ASN1_SIMPLE(struct hardware_module, type, ASN1_OBJECT),
    ASN1_SIMPLE(struct hardware_module, serial, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct hardware_module, HARDWARE_MODULE)
    /* clang-format on */

    static bool object_is(const ASN1_OBJECT *object, struct bytes oid)
{
    return bytes_equal(bytes_of(OBJ_get0_data(object), OBJ_length(object)), oid);
}

/* ---- the key ---- */

static bool is_tpm_ek(X509 *certificate)
{
    bool is_found = false;
    if ((X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) == 0)
        return false;
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++)
        is_found = is_found || object_is(sk_ASN1_OBJECT_value(usages, i),
                                         bytes_of(OID_TPM_EK, sizeof OID_TPM_EK));
    EXTENDED_KEY_USAGE_free(usages);
    return is_found;
}

bool identity_is_on_p256(X509_PUBKEY *spki)
{
    X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *key_type = NULL;
    const void *curve = NULL;
    int type = V_ASN1_UNDEF;
    (void)X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, spki);
    X509_ALGOR_get0(&key_type, &type, &curve, algorithm);
    return OBJ_obj2nid(key_type) == NID_X9_62_id_ecPublicKey && type == V_ASN1_OBJECT &&
           OBJ_obj2nid(curve) == NID_X9_62_prime256v1;
}

/* 0 for a type that no license is made for, and for an EC curve that libcrypto does not name. */
static enum device_key_type key_type_of(X509_PUBKEY *spki)
{
    X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *key_type = NULL;
    const void *curve = NULL;
    int type = V_ASN1_UNDEF;
    (void)X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, spki);
    X509_ALGOR_get0(&key_type, &type, &curve, algorithm);
    switch (OBJ_obj2nid(key_type)) {
    case NID_rsaEncryption:
        return DEVICE_KEY_RSA;
    case NID_X25519:
        return DEVICE_KEY_X25519;
    case NID_X9_62_id_ecPublicKey:
        break;
    default:
        return 0;
    }
    if (type != V_ASN1_OBJECT)
        return 0;
    if (OBJ_obj2nid(curve) == NID_X9_62_prime256v1)
        return DEVICE_KEY_P256;
    return OBJ_obj2nid(curve) == NID_secp384r1 ? DEVICE_KEY_P384 : 0;
}

static bool is_ec(X509_PUBKEY *spki)
{
    ASN1_OBJECT *algorithm = NULL;
    (void)X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, spki);
    return OBJ_obj2nid(algorithm) == NID_X9_62_id_ecPublicKey;
}

/* With a point of small order every agreement is all zeros, which libcrypto refuses (RFC 7748
 * §6.1).
 */
static bool can_agree(EVP_PKEY *key)
{
    uint8_t secret[COORDINATE_BYTES];
    size_t length = sizeof secret;
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(other, NULL);
    const bool is_agreed = context != NULL && EVP_PKEY_derive_init(context) == 1 &&
                           EVP_PKEY_derive_set_peer(context, key) == 1 &&
                           EVP_PKEY_derive(context, secret, &length) == 1;
    OPENSSL_cleanse(secret, sizeof secret);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(other);
    return is_agreed;
}

/* What a token takes: libcrypto does not look at the exponent when it decodes a key. */
static bool has_good_exponent(const EVP_PKEY *key)
{
    BIGNUM *exponent = NULL;
    const bool is_good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
                         BN_is_odd(exponent) && !BN_is_one(exponent) &&
                         BN_num_bits(exponent) <= EXPONENT_BITS_MAX;
    BN_free(exponent);
    return is_good;
}

/* With an even one no token computes anything, and says what it says of its own faults. */
static bool has_good_modulus(const EVP_PKEY *key)
{
    BIGNUM *modulus = NULL;
    const bool is_good =
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 && BN_is_odd(modulus);
    BN_free(modulus);
    return is_good;
}

static enum refusal check_rsa(const EVP_PKEY *key)
{
    if (key == NULL)
        return REFUSAL_CERTIFICATE_MALFORMED;
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < DEVICE_RSA_BITS_MIN || bits > DEVICE_RSA_BITS_MAX)
        return REFUSAL_KEY_SIZE;
    if (!has_good_modulus(key))
        return REFUSAL_KEY_MALFORMED;
    return has_good_exponent(key) ? REFUSAL_NONE : REFUSAL_KEY_EXPONENT;
}

/* libcrypto decodes a public EC key only when it lies on its curve. */
static enum refusal check_value(X509_PUBKEY *spki, enum device_key_type type)
{
    EVP_PKEY *key = X509_PUBKEY_get0(spki);
    if (type == DEVICE_KEY_RSA)
        return check_rsa(key);
    if (key == NULL || (type == DEVICE_KEY_X25519 && !can_agree(key)))
        return REFUSAL_CURVE;
    return REFUSAL_NONE;
}

enum refusal identity_check_public_key(X509_PUBKEY *spki, const struct device_policy *policy)
{
    const enum device_key_type type = key_type_of(spki);
    const unsigned served = policy->keys != 0 ? policy->keys : DEVICE_KEY_BIT(DEVICE_KEY_P256);
    if (type == 0 || (served & DEVICE_KEY_BIT(type)) == 0) {
        const unsigned curves = DEVICE_KEY_BIT(DEVICE_KEY_P256) | DEVICE_KEY_BIT(DEVICE_KEY_P384);
        return is_ec(spki) && (served & curves) != 0 ? REFUSAL_CURVE : REFUSAL_KEY_TYPE;
    }
    return check_value(spki, type);
}

enum refusal identity_check_key(X509 *certificate, const struct device_policy *policy)
{
    if ((X509_get_extension_flags(certificate) & EXFLAG_INVALID) != 0)
        return REFUSAL_CERTIFICATE_MALFORMED;
    if (is_tpm_ek(certificate))
        return REFUSAL_TPM_EK;
    return identity_check_public_key(X509_get_X509_PUBKEY(certificate), policy);
}

enum refusal identity_check_usage(X509 *certificate, const struct device_policy *policy)
{
    const bool is_rsa = key_type_of(X509_get_X509_PUBKEY(certificate)) == DEVICE_KEY_RSA;
    const uint32_t usage = X509_get_key_usage(certificate); /* all bits without the extension */
    uint32_t wanted = is_rsa ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
    if (policy->accepts_sign_only)
        wanted |= KU_DIGITAL_SIGNATURE;
    if ((usage & wanted) == 0 || X509_check_ca(certificate) != 0)
        return REFUSAL_KEY_USAGE;
    return REFUSAL_NONE;
}

static bool read_coordinate(EVP_PKEY *key, const char *name, uint8_t *out, size_t length)
{
    BIGNUM *number = NULL;
    bool is_read = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
                   BN_bn2binpad(number, out, (int)length) == (int)length;
    BN_free(number);
    return is_read;
}

/* A compressed point is known by its coordinates alone, which take longer to get. */
static bool read_point(X509_PUBKEY *spki, size_t coordinate_bytes, struct device *device)
{
    const unsigned char *point = NULL;
    int length = 0;
    device->point_length = 1 + 2 * coordinate_bytes;
    if (X509_PUBKEY_get0_param(NULL, &point, &length, NULL, spki) == 1 &&
        (size_t)length == device->point_length && point[0] == POINT_UNCOMPRESSED) {
        memcpy(device->point, point, device->point_length);
        return true;
    }
    EVP_PKEY *key = X509_PUBKEY_get0(spki);
    uint8_t *x = device->point + 1;
    device->point[0] = POINT_UNCOMPRESSED;
    return read_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, x, coordinate_bytes) &&
           read_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, x + coordinate_bytes, coordinate_bytes);
}

/* What the license is wrapped for: a point, or the whole key. */
static bool read_agreed(X509_PUBKEY *spki, struct device *device)
{
    switch (device->key_type) {
    case DEVICE_KEY_P256:
        return read_point(spki, COORDINATE_BYTES, device);
    case DEVICE_KEY_P384:
        return read_point(spki, COORDINATE_MAX, device);
    case DEVICE_KEY_X25519:
        device->point_length = COORDINATE_BYTES;
        return EVP_PKEY_get_raw_public_key(X509_PUBKEY_get0(spki), device->point,
                                           &device->point_length) == 1;
    case DEVICE_KEY_RSA:
        return true;
    }
    return false;
}

static bool read_spki(X509_PUBKEY *spki, struct device *device)
{
    unsigned char *p = device->key;
    int length = i2d_X509_PUBKEY(spki, NULL);
    if (length <= 0 || (size_t)length > sizeof device->key || i2d_X509_PUBKEY(spki, &p) != length)
        return false;
    device->key_length = (size_t)length;
    device->spki = sha256_of(bytes_of(device->key, (size_t)length));
    device->key_type = key_type_of(spki);
    return true;
}

enum refusal identity_read_public_key(X509_PUBKEY *spki, struct device *ret_device)
{
    *ret_device = (struct device){.point_length = 0};
    if (!read_spki(spki, ret_device))
        return REFUSAL_KEY_SIZE;
    if (!read_agreed(spki, ret_device))
        return REFUSAL_CURVE;
    /* Receipts are signed with P-256 (device_receipt_check). */
    ret_device->can_sign = ret_device->key_type == DEVICE_KEY_P256;
    return REFUSAL_NONE;
}

/* ---- the names ---- */

static bool is_printable(struct bytes text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    }
    return true;
}

static struct bytes string_bytes(const ASN1_STRING *string)
{
    return bytes_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

/* The subject's serialNumber (2.5.4.5) at index. */
static bool read_subject_serial(X509_NAME *subject, int index, struct device *device)
{
    struct bytes text = string_bytes(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
    bool is_only_one = X509_NAME_get_index_by_NID(subject, NID_serialNumber, index) < 0;
    if (!is_only_one || text.length == 0 || text.length > DEVICE_SERIAL_MAX_BYTES ||
        !is_printable(text))
        return false;
    memcpy(device->serial, text.data, text.length);
    device->serial[text.length] = '\0';
    return true;
}

/* A second one in the same certificate is refused: which of them would be the device's? */
static bool read_hardware_name(const GENERAL_NAME *name, struct device *device)
{
    if (name->type != GEN_OTHERNAME ||
        !object_is(name->d.otherName->type_id,
                   bytes_of(OID_HARDWARE_MODULE, sizeof OID_HARDWARE_MODULE)))
        return true;
    struct hardware_module *module =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(HARDWARE_MODULE), name->d.otherName->value);
    if (module == NULL)
        return false;
    struct bytes serial = string_bytes(module->serial);
    bool is_good = device->serial[0] == '\0' && serial.length > 0 &&
                   2 * serial.length <= DEVICE_SERIAL_MAX_BYTES;
    if (is_good)
        hex_encode(serial, device->serial);
    ASN1_item_free((ASN1_VALUE *)module, ASN1_ITEM_rptr(HARDWARE_MODULE));
    return is_good;
}

static bool read_hardware_serial(X509 *certificate, struct device *device)
{
    int found = -1;
    bool is_good = true;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
    if (names == NULL)
        return found == -1; /* none at all; otherwise twice, or not readable */
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && is_good; i++)
        is_good = read_hardware_name(sk_GENERAL_NAME_value(names, i), device);
    GENERAL_NAMES_free(names);
    return is_good;
}

static bool read_serial(X509 *certificate, struct device *device)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int index = X509_NAME_get_index_by_NID(subject, NID_serialNumber, -1);
    if (index >= 0)
        return read_subject_serial(subject, index, device);
    return read_hardware_serial(certificate, device);
}

static bool read_issuer(X509 *certificate, struct device *device)
{
    const unsigned char *der = NULL;
    X509_NAME *issuer = X509_get_issuer_name(certificate);
    if (X509_NAME_get0_der(issuer, &der, &device->issuer_length) != 1 ||
        device->issuer_length > sizeof device->issuer)
        return false;
    memcpy(device->issuer, der, device->issuer_length);
    return true;
}

static bool read_certificate_serial(X509 *certificate, struct device *device)
{
    uint8_t der[INTEGER_HEAD + DEVICE_CERT_SERIAL_MAX];
    unsigned char *p = der;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    int length = i2d_ASN1_INTEGER(serial, NULL);
    if (length <= INTEGER_HEAD || (size_t)length > sizeof der)
        return false;
    (void)i2d_ASN1_INTEGER(serial, &p);
    device->certificate_serial_length = (size_t)length - INTEGER_HEAD;
    memcpy(device->certificate_serial, der + INTEGER_HEAD, device->certificate_serial_length);
    return true;
}

enum refusal identity_read(X509 *certificate, struct device *ret_device)
{
    enum refusal refusal = identity_read_public_key(X509_get_X509_PUBKEY(certificate), ret_device);
    if (refusal != REFUSAL_NONE)
        return refusal;
    ret_device->can_sign =
        ret_device->can_sign && (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) != 0;
    if (!read_serial(certificate, ret_device) || !read_issuer(certificate, ret_device) ||
        !read_certificate_serial(certificate, ret_device))
        return REFUSAL_IDENTITY_MALFORMED;
    return REFUSAL_NONE;
}
