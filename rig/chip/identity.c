/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The maker's side of a chip: key pair, ST certificate, X.509 certificate. Owns no state. */
#include "rig/chip/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define KEY_BYTES          64 /* X and Y, or r and s */
#define NUMBER_BYTES       32
#define SIGNATURE_AT       (CHIP_PRODUCT_ID_BYTES + KEY_BYTES)
#define DER_MAX_BYTES      80 /* of an ECDSA signature on P-256: at most 72 */
#define SPKI_HEAD_BYTES    27 /* of a P-256 key, before X and Y */
#define SERIAL_RANDOM_BITS 127
#define DAY_S              (24L * 3600)

/* ---- files ---- */

static bool name_file(const char *folder, const char *name, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

static bool write_file(const char *folder, const char *name, struct bytes data)
{
    char path[PATH_MAX];
    if (!name_file(folder, name, path))
        return false;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    bool is_written = write(fd, data.data, data.length) == (ssize_t)data.length;
    return close(fd) == 0 && is_written;
}

/* The length of the file, or -1 when it cannot be read or is longer than max. */
static ssize_t read_file(const char *folder, const char *name, uint8_t *out, size_t max)
{
    char path[PATH_MAX];
    uint8_t more = 0;
    if (!name_file(folder, name, path))
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, out, max);
    if (length == (ssize_t)max && read(fd, &more, 1) != 0)
        length = -1;
    (void)close(fd);
    return length;
}

/* A rig has no terminal to ask for a passphrase at. */
static int no_passphrase(char *out, int size, int is_writing, void *context)
{
    (void)out;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
    (void)fclose(file);
    return key;
}

static X509 *read_certificate(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    X509 *certificate = PEM_read_X509(file, NULL, no_passphrase, NULL);
    (void)fclose(file);
    return certificate;
}

/* The private key, for the owner alone. */
static bool write_fuses(const char *folder, EVP_PKEY *pair)
{
    char path[PATH_MAX];
    if (!name_file(folder, "fuses.pem", path))
        return false;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL)
        return false;
    bool is_written = PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL) == 1;
    return fclose(file) == 0 && is_written;
}

/* ---- the ST certificate ---- */

static bool product_id_is_valid(const char *id)
{
    return strlen(id) == CHIP_PRODUCT_ID_BYTES &&
           strspn(id, "0123456789ABCDEF") == CHIP_PRODUCT_ID_BYTES && id[5] == '0';
}

static bool is_p256(EVP_PKEY *key)
{
    char group[32];
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) &&
           OBJ_sn2nid(group) == NID_X9_62_prime256v1;
}

static bool take_coordinates(EVP_PKEY *pair, uint8_t out[KEY_BYTES])
{
    BIGNUM *x = NULL;
    BIGNUM *y = NULL;
    bool is_taken = EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                    EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
                    BN_bn2binpad(x, out, NUMBER_BYTES) == NUMBER_BYTES &&
                    BN_bn2binpad(y, out + NUMBER_BYTES, NUMBER_BYTES) == NUMBER_BYTES;
    BN_free(x);
    BN_free(y);
    return is_taken;
}

/* From libcrypto's DER to r and s of fixed length. */
static bool take_signature(const uint8_t *der, size_t length, uint8_t out[KEY_BYTES])
{
    const unsigned char *p = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &p, (long)length);
    if (signature == NULL)
        return false;
    bool is_taken =
        BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, NUMBER_BYTES) == NUMBER_BYTES &&
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + NUMBER_BYTES, NUMBER_BYTES) == NUMBER_BYTES;
    ECDSA_SIG_free(signature);
    return is_taken;
}

static bool sign(EVP_PKEY *ca, struct bytes data, uint8_t out[KEY_BYTES])
{
    uint8_t der[DER_MAX_BYTES];
    size_t length = sizeof der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_signed = context != NULL &&
                     EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, ca) == 1 &&
                     EVP_DigestSign(context, der, &length, data.data, data.length) == 1 &&
                     take_signature(der, length, out);
    EVP_MD_CTX_free(context);
    return is_signed;
}

static enum error write_st_certificate(const char *folder, const struct chip_order *order,
                                       EVP_PKEY *pair, struct fault *fault)
{
    uint8_t bytes[CHIP_CERTIFICATE_BYTES];
    size_t skip = order->signs_key_only ? CHIP_PRODUCT_ID_BYTES : 0;
    if (!product_id_is_valid(order->product_id))
        return fault_set(fault, ERR_CONFIG, "product-id",
                         "A product ID has 8 upper-case hex digits, the sixth of them 0.", 0);
    EVP_PKEY *ca = read_key(order->st_ca);
    bool is_made =
        ca != NULL && is_p256(ca) && take_coordinates(pair, bytes + CHIP_PRODUCT_ID_BYTES);
    if (is_made) {
        memcpy(bytes, order->product_id, CHIP_PRODUCT_ID_BYTES);
        is_made = sign(ca, bytes_of(bytes + skip, SIGNATURE_AT - skip), bytes + SIGNATURE_AT);
    }
    EVP_PKEY_free(ca);
    if (!is_made)
        return fault_set(fault, ERR_CONFIG, "st-ca",
                         "The ST CA's file holds no private P-256 key in PEM.", 0);
    if (!write_file(folder, "certificate.bin", bytes_of(bytes, sizeof bytes)))
        return fault_set(fault, ERR_CONFIG, "certificate-write",
                         "The chip's certificate cannot be written.", errno);
    return ERR_OK;
}

/* ---- the X.509 certificate ---- */

static bool add_extension(X509 *x509, X509 *ca, int nid, const char *text)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, ca, x509, NULL, NULL, 0);
    X509V3_set_nconf(&context, NULL);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &context, nid, text);
    bool is_added = extension != NULL && X509_add_ext(x509, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

static bool set_number(X509 *x509)
{
    BIGNUM *number = BN_new();
    bool is_set = number != NULL &&
                  BN_rand(number, SERIAL_RANDOM_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
                  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
    BN_free(number);
    return is_set;
}

static bool set_name(X509_NAME *name, int nid, const char *text)
{
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)text, -1, -1,
                                      0) == 1;
}

/* As a maker of devices does it (802.1AR): no end of life, one serial number, key agreement. */
static bool fill_x509(X509 *x509, X509 *ca, EVP_PKEY *pair, const char *serial)
{
    X509_NAME *subject = X509_get_subject_name(x509);
    return X509_set_version(x509, X509_VERSION_3) == 1 && set_number(x509) &&
           set_name(subject, NID_commonName, "rig-chip") &&
           set_name(subject, NID_serialNumber, serial) &&
           X509_set_issuer_name(x509, X509_get_subject_name(ca)) == 1 &&
           X509_set_pubkey(x509, pair) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(x509), -DAY_S) != NULL &&
           ASN1_TIME_set_string(X509_getm_notAfter(x509), "99991231235959Z") == 1 &&
           add_extension(x509, ca, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x509, ca, NID_key_usage, "critical,keyAgreement") &&
           add_extension(x509, ca, NID_subject_key_identifier, "hash") &&
           add_extension(x509, ca, NID_authority_key_identifier, "keyid,issuer");
}

static bool encode_x509(X509 *x509, uint8_t out[CHIP_X509_MAX_BYTES], size_t *ret_length)
{
    unsigned char *p = out;
    int length = i2d_X509(x509, NULL);
    if (length <= 0 || length > CHIP_X509_MAX_BYTES)
        return false;
    *ret_length = (size_t)i2d_X509(x509, &p);
    return true;
}

static enum error write_x509(const char *folder, const struct chip_order *order, EVP_PKEY *pair,
                             struct fault *fault)
{
    uint8_t der[CHIP_X509_MAX_BYTES];
    size_t length = 0;
    X509 *ca = read_certificate(order->x509_ca);
    EVP_PKEY *ca_key = read_key(order->x509_ca_key);
    X509 *x509 = X509_new();
    bool is_made = ca != NULL && ca_key != NULL && x509 != NULL &&
                   X509_check_private_key(ca, ca_key) == 1 &&
                   fill_x509(x509, ca, pair, order->serial) &&
                   X509_sign(x509, ca_key, EVP_sha256()) > 0 && encode_x509(x509, der, &length);
    X509_free(x509);
    EVP_PKEY_free(ca_key);
    X509_free(ca);
    if (!is_made)
        return fault_set(fault, ERR_CONFIG, "x509-ca",
                         "No X.509 certificate can be made with these files and this serial.", 0);
    if (!write_file(folder, "x509.der", bytes_of(der, length)))
        return fault_set(fault, ERR_CONFIG, "x509-write",
                         "The chip's X.509 certificate cannot be written.", errno);
    return ERR_OK;
}

/* ---- public ---- */

static enum error make_pair(const char *folder, EVP_PKEY **ret_pair, struct fault *fault)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    if (pair == NULL || !write_fuses(folder, pair)) {
        EVP_PKEY_free(pair);
        return fault_set(fault, ERR_CONFIG, "fuses-write",
                         "The chip's key cannot be written; is there a chip already?", errno);
    }
    *ret_pair = pair;
    return ERR_OK;
}

enum error chip_identity_make(const char *folder, const struct chip_order *order,
                              struct fault *fault)
{
    EVP_PKEY *pair = NULL;
    enum error e = make_pair(folder, &pair, fault);
    if (e == ERR_OK)
        e = write_st_certificate(folder, order, pair, fault);
    if (e == ERR_OK && order->x509_ca != NULL)
        e = write_x509(folder, order, pair, fault);
    EVP_PKEY_free(pair);
    ERR_clear_error();
    return e;
}

static bool load_certificates(const char *folder, struct chip_identity *identity)
{
    ssize_t length = read_file(folder, "x509.der", identity->x509, sizeof identity->x509);
    identity->x509_length = length > 0 ? (size_t)length : 0;
    return read_file(folder, "certificate.bin", identity->certificate,
                     sizeof identity->certificate) == CHIP_CERTIFICATE_BYTES;
}

enum error chip_identity_clone(const char *from, const char *folder, struct fault *fault)
{
    struct chip_identity shown = {0};
    EVP_PKEY *pair = NULL;
    if (!load_certificates(from, &shown))
        return fault_set(fault, ERR_CONFIG, "no-chip", "There is no chip to clone.", errno);
    enum error e = make_pair(folder, &pair, fault);
    EVP_PKEY_free(pair);
    if (e != ERR_OK)
        return e;
    if (!write_file(folder, "certificate.bin",
                    bytes_of(shown.certificate, CHIP_CERTIFICATE_BYTES)) ||
        (shown.x509_length > 0 &&
         !write_file(folder, "x509.der", bytes_of(shown.x509, shown.x509_length))))
        return fault_set(fault, ERR_CONFIG, "certificate-write",
                         "The clone's certificates cannot be written.", errno);
    return ERR_OK;
}

enum error chip_identity_load(const char *folder, struct chip_identity *ret_identity,
                              struct fault *fault)
{
    char path[PATH_MAX];
    struct chip_identity identity = {0};
    if (!name_file(folder, "fuses.pem", path) || !load_certificates(folder, &identity))
        return fault_set(fault, ERR_CONFIG, "no-chip", "There is no chip in this folder.", errno);
    identity.pair = read_key(path);
    if (identity.pair == NULL)
        return fault_set(fault, ERR_CONFIG, "fuses-read", "The chip's key cannot be read.", 0);
    *ret_identity = identity;
    return ERR_OK;
}

void chip_identity_clear(struct chip_identity *identity)
{
    EVP_PKEY_free(identity->pair);
    identity->pair = NULL;
}

void chip_identity_name(const struct chip_identity *identity, char out[CHIP_ID_SIZE])
{
    /* SubjectPublicKeyInfo of an uncompressed P-256 key; a clone shows another's. */
    static const uint8_t head[SPKI_HEAD_BYTES] = {
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
        0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    uint8_t spki[SPKI_HEAD_BYTES + KEY_BYTES];
    char hex[SHA256_HEX_SIZE];
    memcpy(spki, head, sizeof head);
    memcpy(spki + sizeof head, identity->certificate + CHIP_PRODUCT_ID_BYTES, KEY_BYTES);
    struct sha256 digest = sha256_of(bytes_of(spki, sizeof spki));
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    (void)snprintf(out, CHIP_ID_SIZE, "%.8s-%.32s", (const char *)identity->certificate, hex);
}
