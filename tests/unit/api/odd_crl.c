/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* libcrypto's lists. */
#include "odd_crl.h"

#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define ODD_SERIAL 4711

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    ck_assert_ptr_nonnull(file);
    return file;
}

/* certificateIssuer, which says that the entry is of another CA. */
static X509_REVOKED *make_entry(void)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    ASN1_TIME *now = ASN1_TIME_set(NULL, time(NULL));
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *uri = ASN1_IA5STRING_new();
    ck_assert_int_eq(ASN1_STRING_set(uri, "http://elsewhere", -1), 1);
    GENERAL_NAME_set0_value(name, GEN_URI, uri);
    ck_assert_int_gt(sk_GENERAL_NAME_push(names, name), 0);
    ck_assert_int_eq(ASN1_INTEGER_set(serial, ODD_SERIAL), 1);
    ck_assert_int_eq(X509_REVOKED_set_serialNumber(entry, serial), 1);
    ck_assert_int_eq(X509_REVOKED_set_revocationDate(entry, now), 1);
    ck_assert_int_eq(X509_REVOKED_add1_ext_i2d(entry, NID_certificate_issuer, names, 1, 0), 1);
    GENERAL_NAMES_free(names);
    ASN1_TIME_free(now);
    ASN1_INTEGER_free(serial);
    return entry;
}

void odd_crl_add_critical_entry(const char *file, const char *key_file)
{
    FILE *in = open_file(file, "re");
    FILE *key_in = open_file(key_file, "re");
    X509_CRL *list = PEM_read_X509_CRL(in, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_PrivateKey(key_in, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(list);
    ck_assert_ptr_nonnull(key);
    (void)fclose(in);
    (void)fclose(key_in);
    ck_assert_int_eq(X509_CRL_add0_revoked(list, make_entry()), 1);
    ck_assert_int_eq(X509_CRL_set_version(list, X509_CRL_VERSION_2), 1);
    ck_assert_int_gt(X509_CRL_sign(list, key, EVP_sha256()), 0);
    FILE *out = open_file(file, "we");
    ck_assert_int_eq(PEM_write_X509_CRL(out, list), 1);
    ck_assert_int_eq(fclose(out), 0);
    X509_CRL_free(list);
    EVP_PKEY_free(key);
}
