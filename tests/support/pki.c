/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Certificates for tests through libcrypto's own extension texts. Owns no state. */
#include "support/pki.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <check.h>
#include <openssl/bn.h>
#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define DAY_S              ((int64_t)24 * 3600)
#define YEARS_S            (3652 * DAY_S)
#define SERIAL_RANDOM_BITS 127
#define SECTION_SIZE       320
#define UNKNOWN_OID        "1.3.6.1.4.1.99999.1"

struct pki {
    X509 *x509;
    EVP_PKEY *pair;
    char *certificate;
    char *key;
};

/* Some modulus, less that much, with that exponent, in hex. */
static EVP_PKEY *make_odd_rsa(const char *exponent, BN_ULONG less)
{
    EVP_PKEY *good = EVP_RSA_gen(2048);
    EVP_PKEY *odd = NULL;
    BIGNUM *modulus = NULL;
    BIGNUM *e = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    ck_assert_int_eq(EVP_PKEY_get_bn_param(good, OSSL_PKEY_PARAM_RSA_N, &modulus), 1);
    ck_assert_int_eq(BN_sub_word(modulus, less), 1);
    ck_assert_int_gt(BN_hex2bn(&e, exponent), 0);
    ck_assert_int_eq(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus), 1);
    ck_assert_int_eq(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e), 1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    ck_assert_int_eq(EVP_PKEY_fromdata_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(context, &odd, EVP_PKEY_PUBLIC_KEY, params), 1);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(e);
    BN_free(modulus);
    EVP_PKEY_free(good);
    return odd;
}

static EVP_PKEY *make_pair(enum pki_key_type type, bool is_compressed)
{
    static const uint8_t zeros[32];
    EVP_PKEY *pair = NULL;
    switch (type) {
    case PKI_P256:
        pair = EVP_EC_gen("P-256");
        break;
    case PKI_P384:
        pair = EVP_EC_gen("P-384");
        break;
    case PKI_RSA_2048:
        pair = EVP_RSA_gen(2048);
        break;
    case PKI_RSA_1024:
        pair = EVP_RSA_gen(1024);
        break;
    case PKI_RSA_4104:
        pair = EVP_RSA_gen(4104);
        break;
    case PKI_RSA_3072:
        pair = EVP_RSA_gen(3072);
        break;
    case PKI_RSA_4096:
        pair = EVP_RSA_gen(4096);
        break;
    case PKI_RSA_EVEN:
        pair = make_odd_rsa("10000", 0);
        break;
    case PKI_RSA_LONG:
        pair = make_odd_rsa("10000000000000001", 0);
        break;
    case PKI_RSA_ONE:
        pair = make_odd_rsa("1", 0);
        break;
    case PKI_RSA_EVEN_MODULUS:
        pair = make_odd_rsa("10001", 1);
        break;
    case PKI_X25519:
        pair = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
        break;
    case PKI_X25519_ZERO:
        pair = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, zeros, sizeof zeros);
        break;
    case PKI_ED25519:
        pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    }
    ck_assert_ptr_nonnull(pair);
    if (is_compressed)
        ck_assert_int_eq(
            EVP_PKEY_set_utf8_string_param(pair, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                           OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED),
            1);
    return pair;
}

static void set_serial(X509 *x509, const char *hex)
{
    BIGNUM *number = BN_new();
    if (hex == NULL)
        ck_assert_int_eq(BN_rand(number, SERIAL_RANDOM_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY),
                         1);
    else
        ck_assert_int_gt(BN_hex2bn(&number, hex), 0);
    ck_assert_ptr_nonnull(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)));
    BN_free(number);
}

static void add_name(X509_NAME *name, const char *field, const char *value)
{
    if (value != NULL && value[0] != '\0')
        ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                                    (const unsigned char *)value, -1, -1, 0),
                         1);
}

/* By hand, so that a test can go beyond the 64 characters that the standard allows. */
static void add_serial_number(X509_NAME *name, const char *value)
{
    if (value == NULL)
        return;
    ASN1_STRING *text = ASN1_STRING_type_new(V_ASN1_PRINTABLESTRING);
    X509_NAME_ENTRY *entry = X509_NAME_ENTRY_new();
    ck_assert_int_eq(ASN1_STRING_set(text, value, -1), 1);
    ck_assert_int_eq(X509_NAME_ENTRY_set_object(entry, OBJ_nid2obj(NID_serialNumber)), 1);
    ck_assert_int_eq(
        X509_NAME_ENTRY_set_data(entry, V_ASN1_PRINTABLESTRING, text->data, text->length), 1);
    ck_assert_int_eq(X509_NAME_add_entry(name, entry, -1, 0), 1);
    X509_NAME_ENTRY_free(entry);
    ASN1_STRING_free(text);
}

static void set_subject(X509 *x509, const struct pki_options *options)
{
    X509_NAME *name = X509_get_subject_name(x509);
    add_name(name, "CN", options->name);
    add_serial_number(name, options->serial);
    add_serial_number(name, options->second_serial);
}

static void set_validity(X509 *x509, const struct pki_options *options)
{
    int64_t now = (int64_t)time(NULL);
    time_t before = options->not_before != 0 ? options->not_before : now - DAY_S;
    time_t after = options->not_after != 0 ? options->not_after : now + YEARS_S;
    ck_assert_ptr_nonnull(ASN1_TIME_set(X509_getm_notBefore(x509), before));
    if (options->is_without_expiry)
        ck_assert_int_eq(ASN1_TIME_set_string(X509_getm_notAfter(x509), "99991231235959Z"), 1);
    else
        ck_assert_ptr_nonnull(ASN1_TIME_set(X509_getm_notAfter(x509), after));
}

/* text "" is no extension, NULL is preset, which may be NULL for none as well. */
static void add_extension(X509 *x509, X509V3_CTX *context, int nid, const char *text,
                          const char *preset)
{
    const char *value = text != NULL ? text : preset;
    if (value == NULL || value[0] == '\0')
        return;
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(context->db, context, nid, value);
    ck_assert_msg(extension != NULL, "extension \"%s\"", value);
    ck_assert_int_eq(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* The HardwareModuleName of RFC 4108 as sections of a configuration. */
static void add_hardware_serial(X509 *x509, X509V3_CTX *context, const char *hex)
{
    char text[SECTION_SIZE];
    if (hex == NULL)
        return;
    (void)snprintf(text, sizeof text,
                   "[module]\ntype=OID:1.3.6.1.4.1.99999.2\nserial=FORMAT:HEX,OCTETSTRING:%s\n",
                   hex);
    BIO *source = BIO_new_mem_buf(text, -1);
    CONF *sections = NCONF_new(NULL);
    ck_assert_int_gt(NCONF_load_bio(sections, source, NULL), 0);
    X509V3_set_nconf(context, sections);
    X509_EXTENSION *extension =
        X509V3_EXT_nconf_nid(sections, context, NID_subject_alt_name,
                             "critical,otherName:1.3.6.1.5.5.7.8.4;SEQUENCE:module");
    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
    X509V3_set_nconf(context, NULL);
    NCONF_free(sections);
    BIO_free(source);
}

static void add_extensions(X509 *x509, X509 *issuer, const struct pki_options *options)
{
    X509V3_CTX context;
    bool is_ca = options->is_ca;
    int unknown = OBJ_create(UNKNOWN_OID, "unknownToAll", "unknown to all");
    if (unknown == NID_undef)
        unknown = OBJ_txt2nid(UNKNOWN_OID);
    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    X509V3_set_nconf(&context, NULL);
    add_extension(x509, &context, NID_subject_key_identifier, options->key_identifiers, "hash");
    const char *authority =
        options->authority_key != NULL ? options->authority_key : "keyid:always";
    add_extension(x509, &context, NID_authority_key_identifier, options->key_identifiers,
                  x509 != issuer ? authority : NULL);
    add_extension(x509, &context, NID_basic_constraints, options->basic_constraints,
                  is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add_extension(x509, &context, NID_key_usage, options->key_usage,
                  is_ca ? "critical,keyCertSign,cRLSign"
                        : "critical,digitalSignature,keyAgreement");
    add_extension(x509, &context, NID_ext_key_usage, options->extended_key_usage, NULL);
    add_extension(x509, &context, NID_subject_alt_name, options->alternative_names, NULL);
    add_extension(x509, &context, NID_name_constraints, options->name_constraints, NULL);
    add_extension(x509, &context, unknown, options->unknown_extension, NULL);
    add_hardware_serial(x509, &context, options->hardware_serial);
}

static const EVP_MD *digest_for(EVP_PKEY *signer, enum pki_digest digest)
{
    if (EVP_PKEY_is_a(signer, "ED25519"))
        return NULL;
    switch (digest) {
    case PKI_SHA1:
        return EVP_sha1();
    case PKI_MD5:
        return EVP_md5();
    case PKI_SHA256:
        break;
    }
    return EVP_sha256();
}

static void sign(X509 *x509, EVP_PKEY *signer, const struct pki_options *options)
{
    EVP_PKEY *stranger = options->is_forged ? make_pair(PKI_P256, false) : NULL;
    EVP_PKEY *key = stranger != NULL ? stranger : signer;
    ck_assert_int_gt(X509_sign(x509, key, digest_for(key, options->digest)), 0);
    EVP_PKEY_free(stranger);
}

static char *take_text(BIO *memory)
{
    char *data = NULL;
    long length = BIO_get_mem_data(memory, &data);
    char *text = strndup(length > 0 ? data : "", (size_t)length);
    ck_assert_ptr_nonnull(text);
    BIO_free(memory);
    return text;
}

static void add_revoked(X509_CRL *crl, const struct pki *revoked, const ASN1_TIME *when)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ck_assert_int_eq(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->x509)), 1);
    ck_assert_int_eq(X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)(uintptr_t)when), 1);
    ck_assert_int_eq(X509_CRL_add0_revoked(crl, entry), 1);
}

char *pki_crl(const struct pki *issuer, const struct pki *revoked, int64_t this_update,
              int64_t next_update)
{
    X509_CRL *crl = X509_CRL_new();
    BIO *memory = BIO_new(BIO_s_mem());
    ASN1_TIME *last = ASN1_TIME_set(NULL, this_update);
    ASN1_TIME *next = ASN1_TIME_set(NULL, next_update != 0 ? next_update : time(NULL) + DAY_S);
    ck_assert_int_eq(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
    ck_assert_int_eq(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x509)), 1);
    ck_assert_int_eq(X509_CRL_set1_lastUpdate(crl, last), 1);
    ck_assert_int_eq(X509_CRL_set1_nextUpdate(crl, next), 1);
    if (revoked != NULL)
        add_revoked(crl, revoked, last);
    ck_assert_int_gt(X509_CRL_sign(crl, issuer->pair, EVP_sha256()), 0);
    ck_assert_int_eq(PEM_write_bio_X509_CRL(memory, crl), 1);
    ASN1_TIME_free(last);
    ASN1_TIME_free(next);
    X509_CRL_free(crl);
    return take_text(memory);
}

static void write_texts(struct pki *pki)
{
    BIO *certificate = BIO_new(BIO_s_mem());
    BIO *key = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_X509(certificate, pki->x509), 1);
    /* What has no private key leaves that file empty. */
    (void)PEM_write_bio_PKCS8PrivateKey(key, pki->pair, NULL, NULL, 0, NULL, NULL);
    ERR_clear_error();
    pki->certificate = take_text(certificate);
    pki->key = take_text(key);
}

struct pki *pki_new(const struct pki *issuer, const struct pki_options *options)
{
    struct pki *pki = calloc(1, sizeof *pki);
    ck_assert_ptr_nonnull(pki);
    pki->x509 = X509_new();
    pki->pair = options->same_key != NULL ? options->same_key->pair
                                          : make_pair(options->key, options->is_compressed);
    if (options->same_key != NULL)
        ck_assert_int_eq(EVP_PKEY_up_ref(pki->pair), 1);
    X509 *above = issuer != NULL ? issuer->x509 : pki->x509;
    ck_assert_int_eq(X509_set_version(pki->x509, X509_VERSION_3), 1);
    ck_assert_int_eq(X509_set_pubkey(pki->x509, pki->pair), 1);
    set_serial(pki->x509, options->certificate_serial);
    set_subject(pki->x509, options);
    set_validity(pki->x509, options);
    ck_assert_int_eq(X509_set_issuer_name(pki->x509, X509_get_subject_name(above)), 1);
    add_extensions(pki->x509, above, options);
    sign(pki->x509, issuer != NULL ? issuer->pair : pki->pair, options);
    write_texts(pki);
    return pki;
}

static BIO *open_file(const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    ck_assert_msg(file != NULL, "%s cannot be read", path);
    return file;
}

struct pki *pki_load(const char *certificate_file, const char *key_file)
{
    struct pki *pki = calloc(1, sizeof *pki);
    BIO *certificate = open_file(certificate_file);
    BIO *key = open_file(key_file);
    ck_assert_ptr_nonnull(pki);
    pki->x509 = PEM_read_bio_X509(certificate, NULL, NULL, NULL);
    pki->pair = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(pki->x509);
    ck_assert_ptr_nonnull(pki->pair);
    BIO_free(certificate);
    BIO_free(key);
    write_texts(pki);
    return pki;
}

void pki_free(struct pki *pki)
{
    if (pki == NULL)
        return;
    X509_free(pki->x509);
    EVP_PKEY_free(pki->pair);
    free(pki->certificate);
    free(pki->key);
    free(pki);
}

struct pki *pki_root(const char *name)
{
    return pki_new(NULL, &(struct pki_options){.is_ca = true, .name = name});
}

struct pki *pki_device(const struct pki *issuer, const char *serial)
{
    return pki_new(issuer, &(struct pki_options){
                               .name = "Device", .serial = serial, .is_without_expiry = true});
}

struct pki *pki_server(const struct pki *issuer)
{
    return pki_new(issuer,
                   &(struct pki_options){.name = "localhost",
                                         .key_usage = "critical,digitalSignature",
                                         .extended_key_usage = "serverAuth",
                                         .alternative_names = "DNS:localhost,IP:127.0.0.1,IP:::1"});
}

struct pki *pki_client(const struct pki *issuer, const char *name)
{
    return pki_new(issuer, &(struct pki_options){.name = name,
                                                 .key_usage = "critical,digitalSignature",
                                                 .extended_key_usage = "clientAuth"});
}

const char *pki_certificate(const struct pki *pki)
{
    return pki->certificate;
}

const char *pki_key(const struct pki *pki)
{
    return pki->key;
}

char *pki_chain(const struct pki *const *list, size_t count)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        length += strlen(list[i]->certificate);
    char *text = malloc(length + 1);
    ck_assert_ptr_nonnull(text);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        strcat(text, list[i]->certificate);
    return text;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(close(fd), 0);
}

void pki_write_certificate(const struct pki *pki, const char *path)
{
    write_file(path, pki->certificate, 0644);
}

void pki_write_key(const struct pki *pki, const char *path)
{
    write_file(path, pki->key, 0600);
}
