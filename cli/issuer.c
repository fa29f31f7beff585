/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Keys and certificates through libcrypto. Owns no state. */
#include "cli/issuer.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "cli/file_input.h"

#define SERIAL_BYTES   16
#define CLOCK_LEEWAY_S 300 /* the station's clock may be that much behind */
#define KEY_FILE_MAX   ((size_t)16 * 1024)

struct issuer {
    const char *certificate_path; /* for messages */
    X509 *certificate;
    EVP_PKEY *key;
};

struct extension {
    int nid;
    const char *value;
};

static const struct extension CA_EXTENSIONS[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
};

static const struct extension CLIENT_EXTENSIONS[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "clientAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void issued_clear(struct issued *issued)
{
    if (issued->key != NULL)
        OPENSSL_cleanse(issued->key, strlen(issued->key));
    free(issued->key);
    free(issued->certificate);
    *issued = (struct issued){0};
}

static enum error fail_make(struct failure *failure)
{
    return failure_set_plain(failure, ERR_INTERNAL, "libcrypto cannot make the certificate");
}

/* ---- a certificate ---- */

static bool set_serial(X509 *certificate)
{
    unsigned char bytes[SERIAL_BYTES];
    random_fill(bytes, sizeof bytes);
    bytes[0] &= 0x7f; /* positive, RFC 5280 §4.1.2.2 */
    bytes[0] |= 0x40; /* and never zero */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool is_set =
        number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_set;
}

static bool set_name(X509 *certificate, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)name, -1, -1, 0) == 1;
}

static bool add_extensions(X509 *certificate, X509 *signer, const struct extension *extensions,
                           size_t count)
{
    X509V3_CTX context;
    bool is_good = true;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, signer, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < count && is_good; i++) {
        X509_EXTENSION *extension =
            X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid, extensions[i].value);
        is_good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
        X509_EXTENSION_free(extension);
    }
    return is_good;
}

/* What is in every certificate: version 3, serial, times, name, key. */
static X509 *begin_certificate(const char *name, int64_t days, EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    if (certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
        set_serial(certificate) && set_name(certificate, name) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -CLOCK_LEEWAY_S) != NULL &&
        X509_time_adj_ex(X509_getm_notAfter(certificate), (int)days, 0, NULL) != NULL &&
        X509_set_pubkey(certificate, key) == 1)
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* Ed25519 and Ed448 take the message as it is. */
static const EVP_MD *digest_for(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : EVP_sha256();
}

/* ---- PEM ---- */

/* A copy of what was written into memory, with a NUL; NULL when there is none. */
static char *take_text(BIO *memory)
{
    char *data = NULL;
    long length = memory != NULL ? BIO_get_mem_data(memory, &data) : 0;
    char *text = length > 0 ? malloc((size_t)length + 1) : NULL;
    if (text != NULL) {
        memcpy(text, data, (size_t)length);
        text[length] = '\0';
    }
    return text;
}

static char *key_to_pem(EVP_PKEY *key)
{
    BIO *memory = BIO_new(BIO_s_mem());
    bool is_written =
        memory != NULL && PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) == 1;
    char *text = is_written ? take_text(memory) : NULL;
    char *data = NULL;
    long length = memory != NULL ? BIO_get_mem_data(memory, &data) : 0;
    if (length > 0)
        OPENSSL_cleanse(data, (size_t)length);
    BIO_free(memory);
    return text;
}

static char *certificate_to_pem(X509 *certificate)
{
    BIO *memory = BIO_new(BIO_s_mem());
    bool is_written = memory != NULL && PEM_write_bio_X509(memory, certificate) == 1;
    char *text = is_written ? take_text(memory) : NULL;
    BIO_free(memory);
    return text;
}

static bool format_end(X509 *certificate, char out[ISSUER_END_SIZE])
{
    struct tm end;
    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1 &&
           strftime(out, ISSUER_END_SIZE, "%Y-%m-%d", &end) > 0;
}

static bool hash_spki(const EVP_PKEY *key, struct sha256 *ret_spki)
{
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(key, &der);
    if (length <= 0)
        return false;
    *ret_spki = sha256_of(bytes_of(der, (size_t)length));
    OPENSSL_free(der);
    return true;
}

static enum error give(EVP_PKEY *key, X509 *certificate, struct issued *ret_issued,
                       struct failure *failure)
{
    struct issued issued = {.key = key_to_pem(key), .certificate = certificate_to_pem(certificate)};
    if (issued.key == NULL || issued.certificate == NULL || !hash_spki(key, &issued.spki) ||
        !format_end(certificate, issued.end)) {
        issued_clear(&issued);
        return fail_make(failure);
    }
    *ret_issued = issued;
    return ERR_OK;
}

/* ---- the CA ---- */

enum error issuer_make(const char *name, int64_t days, struct issued *ret_issued,
                       struct failure *failure)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key != NULL ? begin_certificate(name, days, key) : NULL;
    bool is_made = certificate != NULL &&
                   X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
                   add_extensions(certificate, certificate, CA_EXTENSIONS, COUNT(CA_EXTENSIONS)) &&
                   X509_sign(certificate, key, EVP_sha256()) > 0;
    enum error e = is_made ? give(key, certificate, ret_issued, failure) : fail_make(failure);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return e;
}

/* An encrypted key must fail, not stop the line with a question. */
static int give_no_password(char *buffer, int size, int writes, void *context)
{
    (void)buffer, (void)size, (void)writes, (void)context;
    return -1;
}

static enum error read_key(const char *path, EVP_PKEY **ret_key, struct failure *failure)
{
    uint8_t *data = NULL;
    size_t length = 0;
    enum error e = file_input_read_bytes(path, KEY_FILE_MAX, &data, &length, failure);
    if (e != ERR_OK)
        return e;
    BIO *memory = BIO_new_mem_buf(data, (int)length);
    EVP_PKEY *key =
        memory != NULL ? PEM_read_bio_PrivateKey(memory, NULL, give_no_password, NULL) : NULL;
    BIO_free(memory);
    OPENSSL_cleanse(data, length);
    free(data);
    if (key == NULL)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "%s is no private key in PEM, or it is encrypted. Take the "
                                 "password off a copy that stays on this machine: openssl pkey -in "
                                 "FILE -out COPY",
                                 path);
    *ret_key = key;
    return ERR_OK;
}

static enum error read_certificate(const char *path, X509 **ret_certificate,
                                   struct failure *failure)
{
    char *text = NULL;
    enum error e = file_input_read_pem(path, &text, failure);
    if (e != ERR_OK)
        return e;
    BIO *memory = BIO_new_mem_buf(text, -1);
    *ret_certificate = memory != NULL ? PEM_read_bio_X509(memory, NULL, NULL, NULL) : NULL;
    BIO_free(memory);
    free(text);
    if (*ret_certificate == NULL)
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s holds no certificate", path);
    return ERR_OK;
}

static enum error check_ca(const struct issuer *issuer, const char *key_path,
                           struct failure *failure)
{
    const char *path = issuer->certificate_path;
    X509 *certificate = issuer->certificate;
    if (X509_check_ca(certificate) != 1 ||
        (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) == 0)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "%s is no CA's certificate: nobody would accept what it signs",
                                 path);
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 ||
        X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "The CA's certificate %s is not valid now. Is the clock right?",
                                 path);
    if (X509_check_private_key(certificate, issuer->key) != 1)
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s is not the key of %s", key_path,
                                 path);
    return ERR_OK;
}

enum error issuer_open(const char *certificate, const char *key, struct issuer **ret_issuer,
                       struct failure *failure)
{
    ISSUER_AUTO issuer = calloc(1, sizeof *issuer);
    if (issuer == NULL)
        return failure_set_memory(failure);
    issuer->certificate_path = certificate;
    enum error e = read_certificate(certificate, &issuer->certificate, failure);
    if (e == ERR_OK)
        e = read_key(key, &issuer->key, failure);
    if (e == ERR_OK)
        e = check_ca(issuer, key, failure);
    if (e != ERR_OK)
        return e;
    *ret_issuer = issuer;
    issuer = NULL;
    return ERR_OK;
}

void issuer_free(struct issuer **issuer)
{
    if (*issuer == NULL)
        return;
    X509_free((*issuer)->certificate);
    EVP_PKEY_free((*issuer)->key);
    free(*issuer);
    *issuer = NULL;
}

/* ---- a client ---- */

static bool sign(const struct issuer *issuer, const struct extension *extensions, size_t count,
                 X509 *certificate)
{
    return X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate)) == 1 &&
           add_extensions(certificate, issuer->certificate, extensions, count) &&
           X509_sign(certificate, issuer->key, digest_for(issuer->key)) > 0;
}

static bool outlives(const X509 *a, const X509 *b)
{
    return ASN1_TIME_compare(X509_get0_notAfter(a), X509_get0_notAfter(b)) > 0;
}

static enum error issue(const struct issuer *issuer, EVP_PKEY *key, X509 *certificate,
                        struct issued *ret_issued, struct failure *failure)
{
    if (outlives(certificate, issuer->certificate))
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "The CA's certificate %s ends before that. Give fewer --days, or "
                                 "make a new CA",
                                 issuer->certificate_path);
    return sign(issuer, CLIENT_EXTENSIONS, COUNT(CLIENT_EXTENSIONS), certificate)
               ? give(key, certificate, ret_issued, failure)
               : fail_make(failure);
}

enum error issuer_issue(const struct issuer *issuer, const char *name, int64_t days,
                        struct issued *ret_issued, struct failure *failure)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key != NULL ? begin_certificate(name, days, key) : NULL;
    enum error e = certificate != NULL ? issue(issuer, key, certificate, ret_issued, failure)
                                       : fail_make(failure);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return e;
}

/* ---- a server ---- */

/* It ends with the CA's at the latest: nobody would accept it longer. */
static bool shorten(const struct issuer *issuer, X509 *certificate)
{
    return !outlives(certificate, issuer->certificate) ||
           X509_set1_notAfter(certificate, X509_get0_notAfter(issuer->certificate)) == 1;
}

enum error issuer_issue_server(const struct issuer *issuer, const char *name,
                               const char *alternatives, int64_t days, struct issued *ret_issued,
                               struct failure *failure)
{
    const struct extension extensions[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
        {NID_subject_alt_name, alternatives},
    };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key != NULL ? begin_certificate(name, days, key) : NULL;
    bool is_made = certificate != NULL && shorten(issuer, certificate) &&
                   sign(issuer, extensions, COUNT(extensions), certificate);
    enum error e = is_made ? give(key, certificate, ret_issued, failure) : fail_make(failure);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return e;
}
