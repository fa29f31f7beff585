/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The key derivation functions, by libcrypto. Owns no state. */
#include "hsm/p11.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

static const struct {
    const char *name;
    const char *digest;
} KDFS[] = {
    [HSM_X963_SHA256] = {OSSL_KDF_NAME_X963KDF, "SHA256"},
    [HSM_X963_SHA384] = {OSSL_KDF_NAME_X963KDF, "SHA384"},
    [HSM_HKDF_SHA256] = {OSSL_KDF_NAME_HKDF, "SHA256"}, /* its salt is zeros when none is given */
    [HSM_HKDF_SHA512] = {OSSL_KDF_NAME_HKDF, "SHA512"},
    [HSM_CONCAT_SHA256] = {OSSL_KDF_NAME_SSKDF, "SHA256"},
};

static void free_kdf(EVP_KDF **kdf)
{
    EVP_KDF_free(*kdf);
}

static void free_kdf_context(EVP_KDF_CTX **context)
{
    EVP_KDF_CTX_free(*context);
}

#define KDF_AUTO         __attribute__((cleanup(free_kdf))) EVP_KDF
#define KDF_CONTEXT_AUTO __attribute__((cleanup(free_kdf_context))) EVP_KDF_CTX

bool p11_kdf(const struct secret *z, const struct p11_agreement *agreement,
             struct secret *ret_output)
{
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                         (char *)(uintptr_t)KDFS[agreement->kdf].digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, z->bytes, z->length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
                                          (uint8_t *)(uintptr_t)agreement->shared_info.data,
                                          agreement->shared_info.length),
        OSSL_PARAM_construct_end()};
    if (agreement->shared_info.length == 0)
        parameters[2] = OSSL_PARAM_construct_end();
    KDF_AUTO *kdf = EVP_KDF_fetch(NULL, KDFS[agreement->kdf].name, NULL);
    KDF_CONTEXT_AUTO *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    return context != NULL && secret_new(agreement->kdf_bytes, ret_output) == ERR_OK &&
           EVP_KDF_derive(context, ret_output->bytes, ret_output->length, parameters) == 1;
}
