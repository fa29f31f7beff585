/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The set of those who may sign. Owned by whoever made it; immutable. */
#include "grant/authority.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "grant/authority_x509.h"
#include "grant/pem.h"

#define RSA_BITS_MIN    2048
#define GROUP_NAME_SIZE 64
#define DIGEST_HEAD_MAX 64 /* bytes of the type line and the threshold */

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

static enum error fail_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
}

/* ---- one member ---- */

/* NULL unless the text is exactly one certificate. */
static X509 *read_certificate(const char *pem)
{
    uint8_t *der = NULL;
    size_t length = 0;
    if (!pem_read(bytes_of(pem, strlen(pem)), "CERTIFICATE", &der, &length))
        return NULL;
    const uint8_t *at = der;
    X509 *certificate = d2i_X509(NULL, &at, (long)length);
    if (certificate != NULL && at != der + length) {
        X509_free(certificate);
        certificate = NULL;
    }
    OPENSSL_free(der);
    return certificate;
}

static bool curve_is_strong(EVP_PKEY *key)
{
    static const char *const CURVES[] = {"prime256v1", "secp384r1", "secp521r1"};
    char group[GROUP_NAME_SIZE];
    size_t length = 0;
    if (EVP_PKEY_get_group_name(key, group, sizeof group, &length) != 1)
        return false;
    for (size_t i = 0; i < sizeof CURVES / sizeof CURVES[0]; i++) {
        if (strcmp(group, CURVES[i]) == 0)
            return true;
    }
    return false;
}

static bool key_is_strong(EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "ED25519") == 1)
        return true;
    if (EVP_PKEY_is_a(key, "RSA") == 1)
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
    return EVP_PKEY_is_a(key, "EC") == 1 && curve_is_strong(key);
}

/* By the key itself: a point in its other encoding would be another SubjectPublicKeyInfo. */
static bool has_key(const struct authority_set *set, EVP_PKEY *key)
{
    for (size_t i = 0; i < set->count; i++) {
        if (EVP_PKEY_eq(X509_get0_pubkey(set->members[i].certificate), key) == 1)
            return true;
    }
    return false;
}

static enum error check_key(const struct authority_set *set, struct member *member,
                            struct fault *fault)
{
    EVP_PKEY *key = X509_get0_pubkey(member->certificate);
    if (key == NULL || !key_is_strong(key) || !certificate_key(member->certificate, &member->key))
        return refuse(fault, "authority-key",
                      "An authority's key is EC (P-256, P-384, P-521), RSA from 2048 bits or "
                      "Ed25519.");
    if (has_key(set, key))
        return refuse(fault, "authority-twice", "Two of the authorities have the same key.");
    return ERR_OK;
}

static enum error fill_member(const struct authority_set *set, struct member *member,
                              const char *pem, struct fault *fault)
{
    if (strnlen(pem, AUTHORITY_PEM_MAX + 1) > AUTHORITY_PEM_MAX)
        return refuse(fault, "authority-certificate",
                      "An authority's certificate is at most 8 KiB of PEM.");
    member->certificate = read_certificate(pem);
    if (member->certificate == NULL)
        return refuse(fault, "authority-certificate",
                      "An authority is exactly one certificate in PEM, without text around it.");
    member->pem = strdup(pem);
    return member->pem != NULL ? check_key(set, member, fault) : fail_memory(fault);
}

static void clear_member(struct member *member)
{
    X509_free(member->certificate);
    free(member->pem);
}

static enum error add_member(struct authority_set *set, const char *pem, struct fault *fault)
{
    struct member member = {.certificate = NULL};
    enum error e = fill_member(set, &member, pem, fault);
    if (e == ERR_OK)
        set->members[set->count++] = member;
    else
        clear_member(&member);
    return e;
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
        return fail_memory(fault);
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
    for (size_t i = 0; i < set->count; i++)
        clear_member(&set->members[i]);
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

void authority_set_name(const struct authority_set *set, size_t i, char out[AUTHORITY_NAME_SIZE])
{
    certificate_name(X509_get_subject_name(set->members[i].certificate), out);
}

X509 *authority_set_certificate(const struct authority_set *set, size_t i)
{
    return set->members[i].certificate;
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_SIZE);
}

struct sha256 authority_set_digest(const struct authority_set *set)
{
    struct sha256 keys[AUTHORITY_KEYS_MAX];
    char text[DIGEST_HEAD_MAX + AUTHORITY_KEYS_MAX * SHA256_HEX_SIZE];
    int head = snprintf(text, sizeof text, "provisiond-authorities/1\n%u\n", set->threshold);
    char *at = text + head;
    for (size_t i = 0; i < set->count; i++)
        keys[i] = set->members[i].key;
    qsort(keys, set->count, sizeof keys[0], compare_keys);
    for (size_t i = 0; i < set->count; i++) {
        hex_encode(bytes_of(keys[i].bytes, SHA256_SIZE), at);
        at[SHA256_HEX_SIZE - 1] = '\n';
        at += SHA256_HEX_SIZE;
    }
    return sha256_of(bytes_of(text, (size_t)(at - text)));
}
