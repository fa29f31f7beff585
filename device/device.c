/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The check from end to end: text, key, path, use, identity. A struct device_anchors is immutable
 * but for its issuers, which guard themselves, and shared; whatever a call makes is its own. The
 * thread's queue of libcrypto errors is left empty on every path.
 */
#include "device/device.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "device/crl.h"
#include "device/identity.h"
#include "device/issuers.h"
#include "device/path.h"
#include "device/pem.h"
#include "device/refusal.h"

struct device_anchors {
    X509_STORE *store;
    STACK_OF(X509_CRL) * crls;
    struct device_policy policy;
    struct issuers *issuers; /* that were seen below them */
};

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for a certificate.", 0);
}

/* ---- anchors ---- */

static enum error anchors_parse(struct bytes pem, STACK_OF(X509) * *ret_list, struct fault *fault)
{
    if (pem.length > DEVICE_ANCHORS_MAX_BYTES)
        return fault_set(fault, ERR_BAD_REQUEST, "too-many-anchors",
                         "The trust anchors are longer than 64 KiB.", 0);
    switch (pem_read_certificates(pem, DEVICE_ANCHORS_MAX, ret_list)) {
    case PEM_OK:
        return ERR_OK;
    case PEM_TOO_MANY:
        return fault_set(fault, ERR_BAD_REQUEST, "too-many-anchors",
                         "A product has at most 16 trust anchors.", 0);
    case PEM_MALFORMED:
        return fault_set(fault, ERR_BAD_REQUEST, "certificate-malformed",
                         "A trust anchor is cut off or is not DER.", 0);
    case PEM_FOREIGN:
        return fault_set(fault, ERR_BAD_REQUEST, "not-a-certificate",
                         "Trust anchors are PEM certificates and nothing else.", 0);
    case PEM_NO_MEMORY:
        break;
    }
    return out_of_memory(fault);
}

static enum error anchors_are_fit(STACK_OF(X509) * list, struct fault *fault)
{
    for (int i = 0; i < sk_X509_num(list); i++) {
        X509 *anchor = sk_X509_value(list, i);
        if ((X509_get_extension_flags(anchor) & EXFLAG_INVALID) != 0 ||
            X509_get0_pubkey(anchor) == NULL)
            return fault_set(fault, ERR_BAD_REQUEST, "certificate-malformed",
                             "A trust anchor has a broken extension or key.", 0);
        /* 1: basicConstraints say so; the older hints that libcrypto knows are not enough. */
        if (X509_check_ca(anchor) != 1)
            return fault_set(fault, ERR_BAD_REQUEST, "not-a-ca",
                             "A trust anchor is not a CA certificate (basicConstraints).", 0);
        if ((X509_get_key_usage(anchor) & KU_KEY_CERT_SIGN) == 0)
            return fault_set(fault, ERR_BAD_REQUEST, "not-a-ca",
                             "A trust anchor may not sign certificates (keyUsage).", 0);
    }
    return ERR_OK;
}

static enum error anchors_make(STACK_OF(X509) * list, const struct device_policy *policy,
                               struct device_anchors **ret_anchors, struct fault *fault)
{
    enum error e = anchors_are_fit(list, fault);
    if (e != ERR_OK)
        return e;
    struct device_anchors *anchors = calloc(1, sizeof *anchors);
    if (anchors == NULL)
        return out_of_memory(fault);
    anchors->store = path_store_new(list);
    anchors->crls = sk_X509_CRL_new_null();
    anchors->issuers = issuers_new();
    if (anchors->store == NULL || anchors->crls == NULL || anchors->issuers == NULL) {
        device_anchors_free(anchors);
        return out_of_memory(fault);
    }
    if (policy != NULL)
        anchors->policy = *policy;
    *ret_anchors = anchors;
    return ERR_OK;
}

enum error device_anchors_new(struct bytes pem, const struct device_policy *policy,
                              struct device_anchors **ret_anchors, struct fault *fault)
{
    STACK_OF(X509) *list = NULL;
    enum error e = anchors_parse(pem, &list, fault);
    if (e == ERR_OK)
        e = anchors_make(list, policy, ret_anchors, fault);
    sk_X509_pop_free(list, X509_free);
    ERR_clear_error();
    return e;
}

void device_anchors_free(struct device_anchors *anchors)
{
    if (anchors == NULL)
        return;
    sk_X509_CRL_pop_free(anchors->crls, X509_CRL_free);
    X509_STORE_free(anchors->store);
    issuers_free(anchors->issuers);
    free(anchors);
}

/* ---- revocation lists ---- */

/* The store shares the list with ours. */
static bool crl_keep(struct device_anchors *anchors, X509_CRL *crl)
{
    if (X509_STORE_add_crl(anchors->store, crl) != 1 || X509_CRL_up_ref(crl) != 1)
        return false;
    if (sk_X509_CRL_push(anchors->crls, crl) > 0)
        return true;
    X509_CRL_free(crl);
    return false;
}

enum error device_anchors_add_crls(struct device_anchors *anchors, struct bytes pem,
                                   struct fault *fault)
{
    STACK_OF(X509_CRL) *list = NULL;
    enum error e = crl_parse(pem, &list, fault);
    for (int i = 0; i < sk_X509_CRL_num(list) && e == ERR_OK; i++)
        if (!crl_keep(anchors, sk_X509_CRL_value(list, i)))
            e = out_of_memory(fault);
    sk_X509_CRL_pop_free(list, X509_CRL_free);
    ERR_clear_error();
    return e;
}

/* ---- devices ---- */

static enum error chain_parse(const struct device_anchors *anchors, struct bytes pem,
                              struct pem_chain *ret_chain, struct fault *fault)
{
    if (pem.length > DEVICE_CHAIN_MAX_BYTES)
        return fault_set(fault, ERR_TOO_LARGE, "chain-too-large",
                         "A device's certificate chain has at most 32 KiB.", 0);
    switch (pem_read_chain(pem, anchors->issuers, ret_chain)) {
    case PEM_OK:
        return ERR_OK;
    case PEM_TOO_MANY:
        return fault_set(fault, ERR_TOO_LARGE, "chain-too-large",
                         "A device's certificate chain has at most 8 certificates.", 0);
    case PEM_MALFORMED:
        return refusal_set(fault, REFUSAL_CERTIFICATE_MALFORMED, 0);
    case PEM_FOREIGN:
        return fault_set(fault, ERR_BAD_REQUEST, "not-a-certificate",
                         "The device is not given as PEM certificates and nothing else.", 0);
    case PEM_NO_MEMORY:
        break;
    }
    return out_of_memory(fault);
}

static enum error chain_check(const struct device_anchors *anchors, STACK_OF(X509) * chain,
                              int64_t at_unix_ms, struct device *ret_device, struct fault *fault)
{
    long native = 0;
    struct device device;
    X509 *certificate = sk_X509_value(chain, 0);
    const struct path_rules rules = {anchors->store, anchors->crls, &anchors->policy, at_unix_ms};
    enum refusal refusal = identity_check_key(certificate, &anchors->policy);
    if (refusal == REFUSAL_NONE && path_check(&rules, chain, &refusal, &native) != ERR_OK)
        return out_of_memory(fault);
    if (refusal == REFUSAL_NONE)
        refusal = identity_check_usage(certificate, &anchors->policy);
    if (refusal == REFUSAL_NONE)
        refusal = identity_read(certificate, &device);
    if (refusal != REFUSAL_NONE)
        return refusal_set(fault, refusal, native);
    *ret_device = device;
    return ERR_OK;
}

enum error device_check(const struct device_anchors *anchors, struct bytes pem, int64_t at_unix_ms,
                        struct device *ret_device, struct fault *fault)
{
    struct pem_chain chain = {0};
    enum error e = chain_parse(anchors, pem, &chain, fault);
    if (e == ERR_OK)
        e = chain_check(anchors, chain.list, at_unix_ms, ret_device, fault);
    if (e == ERR_OK)
        pem_chain_keep(&chain);
    pem_chain_clear(&chain);
    ERR_clear_error();
    return e;
}
