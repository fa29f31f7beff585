/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* X509_verify_cert and the table of its answers. Owns no state. */
#include "device/path.h"

#include <stdbool.h>

#include "device/device.h"

#define MS_PER_S         1000
#define SECONDS_PER_HOUR 3600
#define AUTH_LEVEL       2 /* 112 bits: no SHA-1, no MD5, no RSA below 2048 bits */

static const struct {
    int native;
    enum refusal refusal;
} ANSWERS[] = {
    {X509_V_OK, REFUSAL_NONE},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, REFUSAL_UNTRUSTED_ISSUER},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, REFUSAL_UNTRUSTED_ISSUER},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, REFUSAL_UNTRUSTED_ISSUER},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, REFUSAL_UNTRUSTED_ISSUER},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, REFUSAL_UNTRUSTED_ISSUER},
    {X509_V_ERR_CERT_UNTRUSTED, REFUSAL_UNTRUSTED_ISSUER},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, REFUSAL_SIGNATURE_INVALID},
    {X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, REFUSAL_SIGNATURE_INVALID},
    {X509_V_ERR_CA_MD_TOO_WEAK, REFUSAL_WEAK_SIGNATURE},
    {X509_V_ERR_CA_KEY_TOO_SMALL, REFUSAL_WEAK_SIGNATURE},
    {X509_V_ERR_EE_KEY_TOO_SMALL, REFUSAL_WEAK_SIGNATURE},
    {X509_V_ERR_CERT_NOT_YET_VALID, REFUSAL_NOT_YET_VALID},
    {X509_V_ERR_CERT_HAS_EXPIRED, REFUSAL_EXPIRED},
    {X509_V_ERR_CERT_REVOKED, REFUSAL_REVOKED},
    {X509_V_ERR_UNABLE_TO_GET_CRL, REFUSAL_CRL_MISSING},
    {X509_V_ERR_CRL_SIGNATURE_FAILURE, REFUSAL_CRL_MISSING},
    {X509_V_ERR_CRL_HAS_EXPIRED, REFUSAL_CRL_STALE},
    {X509_V_ERR_CRL_NOT_YET_VALID, REFUSAL_CRL_STALE},
};

static enum refusal refusal_of(int native)
{
    for (size_t i = 0; i < sizeof ANSWERS / sizeof ANSWERS[0]; i++) {
        if (ANSWERS[i].native == native)
            return ANSWERS[i].refusal;
    }
    return REFUSAL_CHAIN_INVALID;
}

X509_STORE *path_store_new(STACK_OF(X509) * anchors)
{
    X509_STORE *store = X509_STORE_new();
    if (store == NULL)
        return NULL;
    bool is_filled = true;
    for (int i = 0; i < sk_X509_num(anchors); i++)
        is_filled = is_filled && X509_STORE_add_cert(store, sk_X509_value(anchors, i)) == 1;
    /* An anchor may be an intermediate: the path ends at it. */
    if (!is_filled || X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1) {
        X509_STORE_free(store);
        return NULL;
    }
    X509_VERIFY_PARAM *rules = X509_STORE_get0_param(store);
    X509_VERIFY_PARAM_set_auth_level(rules, AUTH_LEVEL);
    X509_VERIFY_PARAM_set_depth(rules, DEVICE_CHAIN_MAX_CERTS);
    return store;
}

/*
 * libcrypto skips an anchor of the right name whose key identifier differs, or which may not sign
 * certificates, and then reports that it found no issuer. The one who must act wants to know the
 * difference: a stranger, a forgery, or an anchor that is not fit to be one.
 */
static enum refusal missing_issuer(X509_STORE_CTX *context)
{
    enum refusal refusal = REFUSAL_UNTRUSTED_ISSUER;
    X509 *last = X509_STORE_CTX_get_current_cert(context);
    if (last == NULL)
        return refusal;
    STACK_OF(X509) *named = X509_STORE_CTX_get1_certs(context, X509_get_issuer_name(last));
    for (int i = 0; i < sk_X509_num(named); i++) {
        bool is_signer = X509_verify(last, X509_get0_pubkey(sk_X509_value(named, i))) == 1;
        refusal = is_signer ? REFUSAL_CHAIN_INVALID : REFUSAL_SIGNATURE_INVALID;
        if (is_signer)
            break;
    }
    sk_X509_pop_free(named, X509_free);
    return refusal;
}

/* ---- what a policy forgives, and what it asks for beside ---- */

/* A CA that has expired was valid when it issued the device's certificate. */
static bool was_valid_at_issue(X509_STORE_CTX *context)
{
    X509 *above = X509_STORE_CTX_get_current_cert(context);
    const ASN1_TIME *issued = X509_get0_notBefore(X509_STORE_CTX_get0_cert(context));
    return above != NULL && X509_STORE_CTX_get_error_depth(context) > 0 &&
           ASN1_TIME_compare(X509_get0_notBefore(above), issued) <= 0 &&
           ASN1_TIME_compare(X509_get0_notAfter(above), issued) >= 0;
}

/* Nobody has to say that an anchor is not revoked: that it is one is the product's own word. */
static bool is_anchor(X509_STORE_CTX *context)
{
    return X509_STORE_CTX_get_error_depth(context) ==
           sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1;
}

static int judge(int is_good, X509_STORE_CTX *context)
{
    const struct path_rules *rules = X509_STORE_CTX_get_app_data(context);
    if (is_good == 1)
        return 1;
    switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        is_good =
            rules->policy->validity == DEVICE_CHAIN_VALID_AT_ISSUE && was_valid_at_issue(context);
        break;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
        is_good = is_anchor(context);
        break;
    default:
        break;
    }
    if (is_good == 1)
        X509_STORE_CTX_set_error(context, X509_V_OK);
    return is_good;
}

/* A list of that issuer which is young enough by the policy; that it is good otherwise, libcrypto
 * has found out. */
static bool has_fresh_crl(const struct path_rules *rules, const X509_NAME *issuer)
{
    const time_t oldest = (time_t)(rules->at_unix_ms / MS_PER_S) -
                          (time_t)rules->policy->crl_hours_max * SECONDS_PER_HOUR;
    for (int i = 0; i < sk_X509_CRL_num(rules->crls); i++) {
        const X509_CRL *crl = sk_X509_CRL_value(rules->crls, i);
        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), issuer) == 0 &&
            ASN1_TIME_cmp_time_t(X509_CRL_get0_lastUpdate(crl), oldest) >= 0)
            return true;
    }
    return false;
}

static enum refusal check_freshness(const struct path_rules *rules, X509_STORE_CTX *context)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
    for (int i = 0; i < sk_X509_num(chain) - 1; i++)
        if (!has_fresh_crl(rules, X509_get_issuer_name(sk_X509_value(chain, i))))
            return REFUSAL_CRL_STALE;
    return REFUSAL_NONE;
}

static void apply(const struct path_rules *rules, X509_STORE_CTX *context)
{
    X509_STORE_CTX_set_time(context, 0, (time_t)(rules->at_unix_ms / MS_PER_S));
    X509_STORE_CTX_set_app_data(context, (void *)(uintptr_t)rules);
    X509_STORE_CTX_set_verify_cb(context, judge);
    if (rules->policy->crl_hours_max > 0)
        X509_STORE_CTX_set_flags(context, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

static enum error verify(const struct path_rules *rules, X509_STORE_CTX *context,
                         enum refusal *ret_refusal, long *ret_native)
{
    const int verified = X509_verify_cert(context);
    const int native = X509_STORE_CTX_get_error(context);
    if (verified < 0 || native == X509_V_ERR_OUT_OF_MEM || (verified == 0) == (native == X509_V_OK))
        return ERR_INTERNAL;
    enum refusal refusal = refusal_of(native);
    if (refusal == REFUSAL_UNTRUSTED_ISSUER)
        refusal = missing_issuer(context);
    if (refusal == REFUSAL_NONE && rules->policy->crl_hours_max > 0)
        refusal = check_freshness(rules, context);
    *ret_refusal = refusal;
    *ret_native = native;
    return ERR_OK;
}

enum error path_check(const struct path_rules *rules, STACK_OF(X509) * chain,
                      enum refusal *ret_refusal, long *ret_native)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    enum error e = ERR_INTERNAL;
    if (context != NULL &&
        X509_STORE_CTX_init(context, rules->store, sk_X509_value(chain, 0), chain) == 1) {
        apply(rules, context);
        e = verify(rules, context, ret_refusal, ret_native);
    }
    X509_STORE_CTX_free(context);
    return e;
}
