/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * SHA-256 over libcrypto. The algorithm is fetched once and each thread keeps one context, because
 * to find the one and to make the other costs more than the hash of a short text; a context is
 * freed when its thread ends. Aborts only when libcrypto itself cannot work.
 */
#include "core/bytes.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/evp.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key; /* an EVP_MD_CTX of each thread */
static EVP_MD *algorithm;         /* immutable after init */

static void context_free(void *context)
{
    EVP_MD_CTX_free(context);
}

static void init(void)
{
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (algorithm == NULL || pthread_key_create(&context_key, context_free) != 0)
        abort();
}

static EVP_MD_CTX *own_context(void)
{
    (void)pthread_once(&once, init);
    EVP_MD_CTX *context = pthread_getspecific(context_key);
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        if (context == NULL || pthread_setspecific(context_key, context) != 0)
            abort();
    }
    return context;
}

struct sha256 sha256_of_parts(const struct bytes *parts, size_t count)
{
    struct sha256 digest;
    EVP_MD_CTX *context = own_context();
    bool is_good = EVP_DigestInit_ex2(context, algorithm, NULL) == 1;
    for (size_t i = 0; i < count && is_good; i++)
        is_good =
            parts[i].length == 0 || EVP_DigestUpdate(context, parts[i].data, parts[i].length) == 1;
    if (!is_good || EVP_DigestFinal_ex(context, digest.bytes, NULL) != 1)
        abort();
    return digest;
}

struct sha256 sha256_of(struct bytes data)
{
    return sha256_of_parts(&data, 1);
}
