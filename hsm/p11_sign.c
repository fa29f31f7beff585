/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signatures of checkpoints. The digest is made here, because not every token hashes; what the
 * token gave is checked under the key's public part before it leaves. Owns no state.
 */
#include "hsm/p11.h"

#include <assert.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define COORDINATE_BYTES 32 /* P-256 */
#define RAW_BYTES        64 /* r and s */

static_assert(RAW_BYTES == 2 * COORDINATE_BYTES, "two coordinates");

static void free_signature(ECDSA_SIG **signature)
{
    ECDSA_SIG_free(*signature);
}

static void free_pkey(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void free_digest(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

#define SIGNATURE_AUTO __attribute__((cleanup(free_signature))) ECDSA_SIG
#define PKEY_AUTO      __attribute__((cleanup(free_pkey))) EVP_PKEY
#define DIGEST_AUTO    __attribute__((cleanup(free_digest))) EVP_MD_CTX

/* r and s, one after the other, as PKCS#11 has them. */
static bool take_raw(const uint8_t raw[RAW_BYTES], ECDSA_SIG *signature)
{
    BIGNUM *r = BN_bin2bn(raw, COORDINATE_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(raw + COORDINATE_BYTES, COORDINATE_BYTES, NULL);
    if (r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1)
        return true;
    BN_free(r);
    BN_free(s);
    return false;
}

/* An ECDSA-Sig-Value (RFC 3279 §2.2.3). */
static bool encode(const uint8_t raw[RAW_BYTES], struct hsm_signature *ret_signature)
{
    SIGNATURE_AUTO *signature = ECDSA_SIG_new();
    if (signature == NULL || !take_raw(raw, signature))
        return false;
    int length = i2d_ECDSA_SIG(signature, NULL);
    if (length <= 0 || (size_t)length > sizeof ret_signature->der)
        return false;
    uint8_t *out = ret_signature->der;
    ret_signature->length = (size_t)i2d_ECDSA_SIG(signature, &out);
    return true;
}

static bool is_verified(const struct hsm_spki *spki, struct bytes body,
                        const struct hsm_signature *signature)
{
    const unsigned char *at = spki->der;
    PKEY_AUTO *key = d2i_PUBKEY(NULL, &at, (long)spki->length);
    DIGEST_AUTO *context = EVP_MD_CTX_new();
    return key != NULL && context != NULL &&
           EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
           EVP_DigestVerify(context, signature->der, signature->length, body.data, body.length) ==
               1;
}

static enum error sign(struct p11 *p11, CK_OBJECT_HANDLE key, struct bytes body,
                       uint8_t ret_raw[RAW_BYTES], struct fault *fault)
{
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    struct sha256 digest = sha256_of(body);
    CK_ULONG length = RAW_BYTES;
    CK_RV rv = p11->call->C_SignInit(p11->session, &mechanism, key);
    if (rv == CKR_OK)
        rv = p11->call->C_Sign(p11->session, digest.bytes, SHA256_SIZE, ret_raw, &length);
    if (rv == CKR_OK && length != RAW_BYTES)
        rv = CKR_FUNCTION_FAILED;
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

enum error p11_sign_checkpoint(struct p11 *p11, struct bytes body, const struct sha256 *digest,
                               struct hsm_signature *ret_signature, struct fault *fault)
{
    const struct p11_checkpoint_key *key = NULL;
    struct hsm_signature signature;
    uint8_t raw[RAW_BYTES];
    enum error e = p11_get_checkpoint_key(p11, digest, &key, fault);
    if (e == ERR_OK)
        e = sign(p11, key->handle, body, raw, fault);
    if (e != ERR_OK)
        return e;
    bool is_good = encode(raw, &signature) && is_verified(&key->spki, body, &signature);
    ERR_clear_error();
    if (!is_good) {
        p11->checkpoint_key_count = 0; /* looked up and audited again next time */
        return fault_set(fault, ERR_INTERNAL, "signature",
                         "The token gave a signature that its own key does not verify.", 0);
    }
    *ret_signature = signature;
    return ERR_OK;
}
