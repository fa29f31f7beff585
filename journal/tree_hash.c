/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The two hashes of the tree. Each thread keeps one digest context, because making one costs more
 * than the hash itself; it is freed when the thread ends.
 */
#include "journal/tree.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/evp.h>

static const uint8_t LEAF_PREFIX = 0x00;
static const uint8_t NODE_PREFIX = 0x01;

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

/* Aborts only when libcrypto itself cannot work, as sha256_of does. */
static EVP_MD_CTX *hash_begin(uint8_t prefix)
{
    (void)pthread_once(&once, init);
    EVP_MD_CTX *context = pthread_getspecific(context_key);
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        if (context == NULL || pthread_setspecific(context_key, context) != 0)
            abort();
    }
    if (EVP_DigestInit_ex2(context, algorithm, NULL) != 1 ||
        EVP_DigestUpdate(context, &prefix, sizeof prefix) != 1)
        abort();
    return context;
}

static void hash_add(EVP_MD_CTX *context, struct bytes data)
{
    if (data.length > 0 && EVP_DigestUpdate(context, data.data, data.length) != 1)
        abort();
}

static struct sha256 hash_end(EVP_MD_CTX *context)
{
    struct sha256 digest;
    if (EVP_DigestFinal_ex(context, digest.bytes, NULL) != 1)
        abort();
    return digest;
}

struct sha256 tree_leaf_hash(struct bytes entry)
{
    EVP_MD_CTX *context = hash_begin(LEAF_PREFIX);
    hash_add(context, entry);
    return hash_end(context);
}

struct sha256 tree_node_hash(const struct sha256 *left, const struct sha256 *right)
{
    EVP_MD_CTX *context = hash_begin(NODE_PREFIX);
    hash_add(context, bytes_of(left->bytes, SHA256_SIZE));
    hash_add(context, bytes_of(right->bytes, SHA256_SIZE));
    return hash_end(context);
}

struct sha256 tree_empty_root(void)
{
    return sha256_of(bytes_of(NULL, 0));
}
