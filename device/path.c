/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* X509_verify_cert and the table of its answers. Owns no state. */
#include "device/path.h"

#include <stdbool.h>

#include "device/device.h"

#define AUTH_LEVEL 2 /* 112 bits: no SHA-1, no MD5, no RSA below 2048 bits */

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

enum error path_check(X509_STORE *store, STACK_OF(X509) * chain, int64_t at_unix_ms,
                      enum refusal *ret_refusal, long *ret_native)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (context == NULL ||
        X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain) != 1) {
        X509_STORE_CTX_free(context);
        return ERR_INTERNAL;
    }
    X509_STORE_CTX_set_time(context, 0, (time_t)(at_unix_ms / 1000));
    int verified = X509_verify_cert(context);
    int native = X509_STORE_CTX_get_error(context);
    enum error e = ERR_OK;
    if (verified < 0 || native == X509_V_ERR_OUT_OF_MEM || (verified == 0) == (native == X509_V_OK))
        e = ERR_INTERNAL;
    if (e == ERR_OK) {
        enum refusal refusal = refusal_of(native);
        if (refusal == REFUSAL_UNTRUSTED_ISSUER)
            refusal = missing_issuer(context);
        *ret_refusal = refusal;
        *ret_native = native;
    }
    X509_STORE_CTX_free(context);
    return e;
}
