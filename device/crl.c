/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Revocation lists before they are kept: signed by whom the product trusts, whole, fresh, and not a
 * step back. Owns no state; leaves the thread's queue of libcrypto errors empty.
 */
#include "device/crl.h"

#include <stdbool.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "device/device.h"
#include "device/path.h"
#include "device/pem.h"

#define MS_PER_S      1000
#define MS_PER_HOUR   3600000
#define SECURITY_BITS 112

/* Everything that the check parses. */
struct crl_bench {
    const struct device_crls_offer *offer;
    X509_STORE *store;
    STACK_OF(X509) * anchors;
    STACK_OF(X509) * issuers; /* CAs below the anchors; NULL when none came */
    STACK_OF(X509_CRL) * lists;
    STACK_OF(X509_CRL) * kept; /* NULL when none are */
};

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

static void bench_clear(struct crl_bench *bench)
{
    X509_STORE_free(bench->store);
    sk_X509_pop_free(bench->anchors, X509_free);
    sk_X509_pop_free(bench->issuers, X509_free);
    sk_X509_CRL_pop_free(bench->lists, X509_CRL_free);
    sk_X509_CRL_pop_free(bench->kept, X509_CRL_free);
    ERR_clear_error();
}

/* ---- parsing ---- */

enum error crl_parse(struct bytes pem, STACK_OF(X509_CRL) * *ret_lists, struct fault *fault)
{
    if (pem.length > DEVICE_CRLS_MAX_BYTES)
        return refuse(fault, "too-many-crls", "The revocation lists are longer than 1 MiB of PEM.");
    switch (pem_read_crls(pem, DEVICE_CRLS_MAX, ret_lists)) {
    case PEM_OK:
        return ERR_OK;
    case PEM_TOO_MANY:
        return refuse(fault, "too-many-crls", "A product has at most 16 revocation lists.");
    case PEM_MALFORMED:
        return refuse(fault, "crl-malformed", "A revocation list is cut off or is not DER.");
    case PEM_FOREIGN:
        return refuse(fault, "not-a-crl", "Revocation lists are PEM (X509 CRL) and nothing else.");
    case PEM_NO_MEMORY:
        break;
    }
    return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for revocation lists.", 0);
}

static enum error parse(struct crl_bench *bench, struct fault *fault)
{
    const struct device_crls_offer *offer = bench->offer;
    if (pem_read_certificates(offer->anchors, DEVICE_ANCHORS_MAX, &bench->anchors) != PEM_OK ||
        (bench->store = path_store_new(bench->anchors)) == NULL)
        return fault_set(fault, ERR_INTERNAL, "anchors",
                         "The product's trust anchors cannot be read.", 0);
    if (offer->issuers.length > DEVICE_CHAIN_MAX_BYTES ||
        (offer->issuers.length > 0 &&
         pem_read_certificates(offer->issuers, DEVICE_ANCHORS_MAX, &bench->issuers) != PEM_OK))
        return refuse(fault, "certificate-malformed",
                      "The certificates beside the lists are PEM, at most 16 in 32 KiB.");
    enum error e = crl_parse(offer->crls, &bench->lists, fault);
    if (e == ERR_OK && offer->kept.length > 0)
        e = crl_parse(offer->kept, &bench->kept, fault);
    return e;
}

/* ---- one list ---- */

static int64_t time_ms(const ASN1_TIME *time)
{
    struct tm when;
    return time != NULL && ASN1_TIME_to_tm(time, &when) == 1 ? (int64_t)timegm(&when) * MS_PER_S
                                                             : 0;
}

/* Its certificate leads to an anchor, expired or not: an old CA still revokes. */
static bool is_trusted(const struct crl_bench *bench, X509 *issuer)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool is_good =
        context != NULL && X509_STORE_CTX_init(context, bench->store, issuer, bench->issuers) == 1;
    if (is_good) {
        X509_STORE_CTX_set_flags(context, X509_V_FLAG_NO_CHECK_TIME);
        is_good = X509_verify_cert(context) == 1;
    }
    X509_STORE_CTX_free(context);
    return is_good;
}

static bool has_signed(X509 *certificate, X509_CRL *list)
{
    return X509_NAME_cmp(X509_get_subject_name(certificate), X509_CRL_get_issuer(list)) == 0 &&
           X509_check_ca(certificate) == 1 &&
           (X509_get_key_usage(certificate) & KU_CRL_SIGN) != 0 &&
           X509_CRL_verify(list, X509_get0_pubkey(certificate)) == 1;
}

static bool is_signed(const struct crl_bench *bench, X509_CRL *list)
{
    for (int i = 0; i < sk_X509_num(bench->anchors); i++) {
        if (has_signed(sk_X509_value(bench->anchors, i), list))
            return true;
    }
    for (int i = 0; i < sk_X509_num(bench->issuers); i++) {
        X509 *issuer = sk_X509_value(bench->issuers, i);
        if (has_signed(issuer, list) && is_trusted(bench, issuer))
            return true;
    }
    return false;
}

/* As the certificates of a path: no SHA-1, no MD5. */
static bool is_strong(const X509_CRL *list)
{
    int digest = NID_undef;
    int key = NID_undef;
    if (OBJ_find_sigid_algs(X509_CRL_get_signature_nid(list), &digest, &key) != 1)
        return false;
    const EVP_MD *type = EVP_get_digestbynid(digest);
    /* A signature without a digest of its own (Ed25519), or half the bits of one. */
    return digest == NID_undef || (type != NULL && EVP_MD_get_size(type) * 4 >= SECURITY_BITS);
}

static bool is_fresh(const struct device_crls_offer *offer, const X509_CRL *list)
{
    const int64_t issued = time_ms(X509_CRL_get0_lastUpdate(list));
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(list);
    const int64_t age = offer->at_unix_ms - issued;
    if (age < 0 || (next != NULL && time_ms(next) < offer->at_unix_ms))
        return false;
    return offer->crl_hours_max == 0 || age <= (int64_t)offer->crl_hours_max * MS_PER_HOUR;
}

static enum error check_list(const struct crl_bench *bench, X509_CRL *list, struct fault *fault)
{
    if (X509_CRL_get_ext_by_critical(list, 1, -1) >= 0)
        return refuse(fault, "crl-scope",
                      "A revocation list is a part of one (a critical extension says so: delta or "
                      "issuing distribution point). Take the CA's complete list.");
    if (!is_strong(list))
        return refuse(fault, "weak-signature",
                      "A revocation list is signed with less than 112 bits of security.");
    if (!is_signed(bench, list))
        return refuse(fault, "crl-signer",
                      "A revocation list is signed by no trust anchor of the product, and by no CA "
                      "below one whose certificate is among the files: add that CA's.");
    if (!is_fresh(bench->offer, list))
        return refuse(fault, "crl-stale",
                      "A revocation list is not valid now, or older than the product allows. Take "
                      "the CA's newest one.");
    return ERR_OK;
}

/* ---- the lists together, and those before ---- */

static X509_CRL *find(const STACK_OF(X509_CRL) * lists, int from, const X509_NAME *issuer)
{
    for (int i = from; i < sk_X509_CRL_num(lists); i++) {
        if (X509_NAME_cmp(X509_CRL_get_issuer(sk_X509_CRL_value(lists, i)), issuer) == 0)
            return sk_X509_CRL_value(lists, i);
    }
    return NULL;
}

static bool has_lower_number(const X509_CRL *list, const X509_CRL *before)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(list, NID_crl_number, NULL, NULL);
    ASN1_INTEGER *number_before = X509_CRL_get_ext_d2i(before, NID_crl_number, NULL, NULL);
    const bool is_lower =
        number != NULL && number_before != NULL && ASN1_INTEGER_cmp(number, number_before) < 0;
    ASN1_INTEGER_free(number);
    ASN1_INTEGER_free(number_before);
    return is_lower;
}

static enum error check_progress(const struct crl_bench *bench, struct fault *fault)
{
    for (int i = 0; i < sk_X509_CRL_num(bench->kept); i++) {
        const X509_CRL *before = sk_X509_CRL_value(bench->kept, i);
        const X509_CRL *list = find(bench->lists, 0, X509_CRL_get_issuer(before));
        if (list == NULL)
            return fault_set(fault, ERR_CONFLICT, "crl-dropped",
                             "There is a list of an issuer of which none came now: its devices "
                             "would be refused. Give the lists of all issuers together.",
                             0);
        if (ASN1_TIME_compare(X509_CRL_get0_lastUpdate(list), X509_CRL_get0_lastUpdate(before)) <
                0 ||
            has_lower_number(list, before))
            return fault_set(
                fault, ERR_CONFLICT, "crl-older",
                "A list of the same issuer that is newer is there already: take the newest "
                "one, or give --accept-older when the CA really went back.",
                0);
    }
    return ERR_OK;
}

static enum error check_all(const struct crl_bench *bench, struct fault *fault)
{
    enum error e = ERR_OK;
    for (int i = 0; i < sk_X509_CRL_num(bench->lists) && e == ERR_OK; i++) {
        X509_CRL *list = sk_X509_CRL_value(bench->lists, i);
        e = check_list(bench, list, fault);
        if (e == ERR_OK && find(bench->lists, i + 1, X509_CRL_get_issuer(list)) != NULL)
            e = refuse(fault, "crl-twice",
                       "Two of the revocation lists are of one issuer: give one of each.");
    }
    return e == ERR_OK && !bench->offer->accepts_older ? check_progress(bench, fault) : e;
}

static void sum_up(const STACK_OF(X509_CRL) * lists, struct device_crls *ret_crls)
{
    *ret_crls = (struct device_crls){.lists = (unsigned)sk_X509_CRL_num(lists)};
    for (int i = 0; i < sk_X509_CRL_num(lists); i++) {
        const X509_CRL *list = sk_X509_CRL_value(lists, i);
        const int64_t issued = time_ms(X509_CRL_get0_lastUpdate(list));
        const int64_t expires = time_ms(X509_CRL_get0_nextUpdate(list));
        if (i == 0 || issued < ret_crls->issued_unix_ms)
            ret_crls->issued_unix_ms = issued;
        if (expires != 0 && (ret_crls->expires_unix_ms == 0 || expires < ret_crls->expires_unix_ms))
            ret_crls->expires_unix_ms = expires;
    }
}

enum error device_crls_check(const struct device_crls_offer *offer, struct device_crls *ret_crls,
                             struct fault *fault)
{
    struct crl_bench bench = {.offer = offer};
    enum error e = parse(&bench, fault);
    if (e == ERR_OK)
        e = check_all(&bench, fault);
    if (e == ERR_OK)
        sum_up(bench.lists, ret_crls);
    bench_clear(&bench);
    return e;
}
