/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Keys without a certificate. The thread's queue of libcrypto errors is left empty. */
#include "device/raw_key.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "device/identity.h"
#include "device/pem.h"
#include "device/refusal.h"

static enum error check(const struct device_policy *policy, X509_PUBKEY *spki,
                        struct device *ret_device, struct fault *fault)
{
    struct device device;
    enum refusal refusal = identity_check_public_key(spki, policy);
    if (refusal == REFUSAL_NONE)
        refusal = identity_read_public_key(spki, &device);
    if (refusal != REFUSAL_NONE)
        return refusal_set(fault, refusal, 0);
    *ret_device = device;
    return ERR_OK;
}

static enum error parse(struct bytes pem, struct pem_keys *ret_keys, struct fault *fault)
{
    if (pem.length > RAW_KEY_PEM_MAX_BYTES)
        return fault_set(fault, ERR_TOO_LARGE, "key-too-large",
                         "A device's public key has at most 4 KiB.", 0);
    switch (pem_read_public_keys(pem, ret_keys)) {
    case PEM_OK:
        return ERR_OK;
    case PEM_TOO_MANY:
        return fault_set(fault, ERR_TOO_LARGE, "key-too-large", "A device shows one public key.",
                         0);
    case PEM_MALFORMED:
        return refusal_set(fault, REFUSAL_KEY_MALFORMED, 0);
    case PEM_FOREIGN:
        return fault_set(fault, ERR_BAD_REQUEST, "not-a-public-key",
                         "The device is not given as one PEM public key and nothing else.", 0);
    case PEM_NO_MEMORY:
        break;
    }
    return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for a public key.", 0);
}

enum error raw_key_check(const struct device_policy *policy, struct bytes pem,
                         struct device *ret_device, struct fault *fault)
{
    struct pem_keys keys = {.count = 0};
    enum error e = parse(pem, &keys, fault);
    if (e == ERR_OK && keys.count > 1)
        e = fault_set(fault, ERR_TOO_LARGE, "key-too-large", "A device shows one public key.", 0);
    if (e == ERR_OK)
        e = check(policy, keys.list[0], ret_device, fault);
    pem_keys_clear(&keys);
    ERR_clear_error();
    return e;
}

enum error raw_key_check_der(const struct device_policy *policy, struct bytes der,
                             struct device *ret_device, struct fault *fault)
{
    const unsigned char *p = der.data;
    X509_PUBKEY *spki = d2i_X509_PUBKEY(NULL, &p, (long)der.length);
    enum error e = spki != NULL && p == der.data + der.length
                       ? check(policy, spki, ret_device, fault)
                       : refusal_set(fault, REFUSAL_KEY_MALFORMED, 0);
    X509_PUBKEY_free(spki);
    ERR_clear_error();
    return e;
}

enum error raw_key_not_listed(struct fault *fault)
{
    return refusal_set(fault, REFUSAL_NOT_LISTED, 0);
}

enum error raw_key_signer_dropped(struct fault *fault)
{
    return refusal_set(fault, REFUSAL_LIST_SIGNER, 0);
}
