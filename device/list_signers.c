/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The signers of lists. Immutable once made; the thread's queue of libcrypto errors is left empty.
 */
#include "device/list_signers.h"

#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "device/identity.h"
#include "device/pem.h"

#define NUMBER_BYTES  32 /* r or s of ES256 */
#define DER_MAX_BYTES 80 /* of a signature with P-256 */

struct signer {
    EVP_PKEY *key;
    struct sha256 spki;
    bool is_p256;
};

struct list_signers {
    struct signer list[DEVICE_ANCHORS_MAX];
    int count;
};

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for the signers.", 0);
}

/* ---- making ---- */

static bool is_fit(X509_PUBKEY *spki, EVP_PKEY *key)
{
    const struct device_policy strong = {.keys = DEVICE_KEY_BIT(DEVICE_KEY_P256) |
                                                 DEVICE_KEY_BIT(DEVICE_KEY_P384) |
                                                 DEVICE_KEY_BIT(DEVICE_KEY_RSA)};
    return key != NULL && identity_check_public_key(spki, &strong) == REFUSAL_NONE;
}

static enum error add(struct list_signers *signers, X509_PUBKEY *spki, struct fault *fault)
{
    unsigned char *der = NULL;
    struct signer *signer = &signers->list[signers->count];
    EVP_PKEY *key = X509_PUBKEY_get0(spki);
    if (!is_fit(spki, key))
        return fault_set(fault, ERR_BAD_REQUEST, "signer-key",
                         "A signer's key is one of P-256, P-384 or RSA of 2048 to 4096 bits.", 0);
    int length = i2d_X509_PUBKEY(spki, &der);
    if (length <= 0 || EVP_PKEY_up_ref(key) != 1) {
        OPENSSL_free(der);
        return out_of_memory(fault);
    }
    *signer = (struct signer){.key = key,
                              .spki = sha256_of(bytes_of(der, (size_t)length)),
                              .is_p256 = identity_is_on_p256(spki)};
    OPENSSL_free(der);
    signers->count++;
    return ERR_OK;
}

static enum error refuse_text(enum pem_outcome outcome, struct fault *fault)
{
    if (outcome == PEM_NO_MEMORY)
        return out_of_memory(fault);
    if (outcome == PEM_TOO_MANY)
        return fault_set(fault, ERR_BAD_REQUEST, "too-many-anchors",
                         "A product has at most 16 signers of lists.", 0);
    return fault_set(fault, ERR_BAD_REQUEST, "not-a-signer",
                     "The signers of lists are PEM certificates, or PEM public keys, and nothing "
                     "else.",
                     0);
}

static enum error add_certificates(struct list_signers *signers, STACK_OF(X509) * list,
                                   struct fault *fault)
{
    enum error e = ERR_OK;
    for (int i = 0; i < sk_X509_num(list) && e == ERR_OK; i++)
        e = add(signers, X509_get_X509_PUBKEY(sk_X509_value(list, i)), fault);
    return e;
}

static enum error add_keys(struct list_signers *signers, struct bytes pem, struct fault *fault)
{
    struct pem_keys keys = {.count = 0};
    enum error e = ERR_OK;
    enum pem_outcome outcome = pem_read_public_keys(pem, &keys);
    if (outcome != PEM_OK)
        return refuse_text(outcome, fault);
    for (int i = 0; i < keys.count && e == ERR_OK; i++)
        e = add(signers, keys.list[i], fault);
    pem_keys_clear(&keys);
    return e;
}

static enum error fill(struct list_signers *signers, struct bytes pem, struct fault *fault)
{
    STACK_OF(X509) *list = NULL;
    if (pem.length > DEVICE_ANCHORS_MAX_BYTES)
        return fault_set(fault, ERR_BAD_REQUEST, "too-many-anchors",
                         "The signers of lists are longer than 64 KiB.", 0);
    enum pem_outcome outcome = pem_read_certificates(pem, DEVICE_ANCHORS_MAX, &list);
    if (outcome == PEM_FOREIGN)
        return add_keys(signers, pem, fault);
    if (outcome != PEM_OK)
        return refuse_text(outcome, fault);
    enum error e = add_certificates(signers, list, fault);
    sk_X509_pop_free(list, X509_free);
    return e;
}

enum error list_signers_new(struct bytes pem, struct list_signers **ret_signers,
                            struct fault *fault)
{
    struct list_signers *signers = calloc(1, sizeof *signers);
    if (signers == NULL)
        return out_of_memory(fault);
    enum error e = fill(signers, pem, fault);
    ERR_clear_error();
    if (e == ERR_OK)
        *ret_signers = signers;
    else
        list_signers_free(signers);
    return e;
}

void list_signers_free(struct list_signers *signers)
{
    for (int i = 0; signers != NULL && i < signers->count; i++)
        EVP_PKEY_free(signers->list[i].key);
    free(signers);
}

bool list_signers_have(const struct list_signers *signers, const struct sha256 *spki)
{
    for (int i = 0; i < signers->count; i++) {
        if (sha256_equal(&signers->list[i].spki, spki))
            return true;
    }
    return false;
}

/* ---- signatures ---- */

static bool verify_with(const struct signer *signer, const struct sha256 *digest,
                        struct bytes signature)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(signer->key, NULL);
    const bool is_good =
        context != NULL && EVP_PKEY_verify_init(context) == 1 &&
        EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
        EVP_PKEY_verify(context, signature.data, signature.length, digest->bytes, SHA256_SIZE) == 1;
    EVP_PKEY_CTX_free(context);
    return is_good;
}

static bool verify(const struct list_signers *signers, bool is_p256_only,
                   const struct sha256 *digest, struct bytes signature, struct sha256 *ret_signer)
{
    bool is_found = false;
    for (int i = 0; i < signers->count && !is_found; i++) {
        const struct signer *signer = &signers->list[i];
        is_found = (signer->is_p256 || !is_p256_only) && verify_with(signer, digest, signature);
        if (is_found)
            *ret_signer = signer->spki;
    }
    ERR_clear_error();
    return is_found;
}

bool list_signers_verify(const struct list_signers *signers, const struct sha256 *digest,
                         struct bytes signature, struct sha256 *ret_signer)
{
    return verify(signers, false, digest, signature, ret_signer);
}

/* The DER of r and s; 0 for lack of memory. */
static size_t encode(struct bytes signature, uint8_t der[DER_MAX_BYTES])
{
    unsigned char *p = der;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.data, NUMBER_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + NUMBER_BYTES, NUMBER_BYTES, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return 0;
    }
    int length = i2d_ECDSA_SIG(pair, &p);
    ECDSA_SIG_free(pair);
    return length > 0 ? (size_t)length : 0;
}

bool list_signers_verify_es256(const struct list_signers *signers, const struct sha256 *digest,
                               struct bytes signature, struct sha256 *ret_signer)
{
    uint8_t der[DER_MAX_BYTES];
    const size_t length = signature.length == (size_t)2 * NUMBER_BYTES ? encode(signature, der) : 0;
    return length > 0 && verify(signers, true, digest, bytes_of(der, length), ret_signer);
}
