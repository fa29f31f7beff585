/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The set of those who may sign. Owned by whoever made it; immutable. */
#include "grant/authority.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "grant/authority_x509.h"

#define RSA_BITS_MIN 2048
#define SPKI_MAX     8192 /* bytes; RSA-16384 has 2 KiB */

struct member {
    X509 *certificate;
    char *pem;
    struct sha256 key;
};

struct authority_set {
    struct member members[AUTHORITY_KEYS_MAX];
    size_t count;
    unsigned threshold;
};

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* ---- one member ---- */

/* Exactly one certificate, and nothing behind it but white space. */
static X509 *read_certificate(const char *pem)
{
    BIO *source = BIO_new_mem_buf(pem, -1);
    X509 *certificate = source == NULL ? NULL : PEM_read_bio_X509(source, NULL, NULL, NULL);
    X509 *second = certificate == NULL ? NULL : PEM_read_bio_X509(source, NULL, NULL, NULL);
    if (second != NULL) {
        X509_free(second);
        X509_free(certificate);
        certificate = NULL;
    }
    BIO_free(source);
    ERR_clear_error(); /* the end of the text is an error there */
    return certificate;
}

static bool key_is_strong(EVP_PKEY *key)
{
    static const char *const CURVES[] = {"prime256v1", "secp384r1", "secp521r1"};
    char group[64];
    size_t length = 0;
    if (EVP_PKEY_is_a(key, "ED25519") == 1)
        return true;
    if (EVP_PKEY_is_a(key, "RSA") == 1)
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
    if (EVP_PKEY_is_a(key, "EC") != 1 ||
        EVP_PKEY_get_group_name(key, group, sizeof group, &length) != 1)
        return false;
    for (size_t i = 0; i < sizeof CURVES / sizeof CURVES[0]; i++) {
        if (strcmp(group, CURVES[i]) == 0)
            return true;
    }
    return false;
}

static bool hash_key(X509 *certificate, struct sha256 *ret_key)
{
    uint8_t der[SPKI_MAX];
    uint8_t *at = der;
    X509_PUBKEY *spki = X509_get_X509_PUBKEY(certificate);
    int length = i2d_X509_PUBKEY(spki, NULL);
    if (length <= 0 || (size_t)length > sizeof der)
        return false;
    (void)i2d_X509_PUBKEY(spki, &at);
    *ret_key = sha256_of(bytes_of(der, (size_t)length));
    return true;
}

static enum error add_member(struct authority_set *set, const char *pem, struct fault *fault)
{
    struct member *member = &set->members[set->count];
    if (strnlen(pem, AUTHORITY_PEM_MAX + 1) > AUTHORITY_PEM_MAX)
        return refuse(fault, "authority-certificate",
                      "An authority's certificate is at most 8 KiB of PEM.");
    member->certificate = read_certificate(pem);
    if (member->certificate == NULL)
        return refuse(fault, "authority-certificate", "An authority is one certificate in PEM.");
    set->count++; /* what it holds is freed with the set from here on */
    EVP_PKEY *key = X509_get0_pubkey(member->certificate);
    if (key == NULL || !key_is_strong(key) || !hash_key(member->certificate, &member->key))
        return refuse(fault, "authority-key",
                      "An authority's key is EC (P-256, P-384, P-521), RSA from 2048 bits or "
                      "Ed25519.");
    member->pem = strdup(pem);
    if (member->pem == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    for (size_t i = 0; i + 1 < set->count; i++) {
        if (sha256_equal(&set->members[i].key, &member->key))
            return refuse(fault, "authority-twice", "Two of the authorities have the same key.");
    }
    return ERR_OK;
}

/* ---- the set ---- */

enum error authority_set_new(const char *const *pems, size_t count, unsigned threshold,
                             struct authority_set **ret_set, struct fault *fault)
{
    if (count < 1 || count > AUTHORITY_KEYS_MAX)
        return refuse(fault, "authority-certificate", "There are 1 to 16 authorities.");
    if (threshold < 1 || threshold > count)
        return refuse(fault, "threshold",
                      "The threshold is at least 1 and at most the number of authorities.");
    struct authority_set *set = calloc(1, sizeof *set);
    if (set == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    set->threshold = threshold;
    enum error e = ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++)
        e = add_member(set, pems[i], fault);
    ERR_clear_error();
    if (e != ERR_OK) {
        authority_set_free(set);
        return e;
    }
    *ret_set = set;
    return ERR_OK;
}

void authority_set_free(struct authority_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++) {
        X509_free(set->members[i].certificate);
        free(set->members[i].pem);
    }
    free(set);
}

size_t authority_set_count(const struct authority_set *set)
{
    return set->count;
}

unsigned authority_set_threshold(const struct authority_set *set)
{
    return set->threshold;
}

struct sha256 authority_set_key(const struct authority_set *set, size_t i)
{
    return set->members[i].key;
}

const char *authority_set_pem(const struct authority_set *set, size_t i)
{
    return set->members[i].pem;
}

X509 *authority_set_certificate(const struct authority_set *set, size_t i)
{
    return set->members[i].certificate;
}

void authority_set_name(const struct authority_set *set, size_t i, char out[AUTHORITY_NAME_SIZE])
{
    BIO *memory = BIO_new(BIO_s_mem());
    int length = 0;
    if (memory != NULL &&
        X509_NAME_print_ex(memory, X509_get_subject_name(set->members[i].certificate), 0,
                           XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0)
        length = BIO_read(memory, out, AUTHORITY_NAME_SIZE - 1);
    out[length > 0 ? length : 0] = '\0';
    BIO_free(memory);
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_SIZE);
}

struct sha256 authority_set_digest(const struct authority_set *set)
{
    struct sha256 keys[AUTHORITY_KEYS_MAX];
    char text[64 + AUTHORITY_KEYS_MAX * SHA256_HEX_SIZE];
    int at = snprintf(text, sizeof text, "provisiond-authorities/1\n%u\n", set->threshold);
    for (size_t i = 0; i < set->count; i++)
        keys[i] = set->members[i].key;
    qsort(keys, set->count, sizeof keys[0], compare_keys);
    for (size_t i = 0; i < set->count; i++) {
        hex_encode(bytes_of(keys[i].bytes, SHA256_SIZE), text + at);
        at += SHA256_HEX_SIZE - 1;
        text[at++] = '\n';
    }
    return sha256_of(bytes_of(text, (size_t)at));
}
