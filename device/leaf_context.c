/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A provider that hands out what the default provider has, less decoders and kinds of keys. The
 * state is made once, immutable from then on, and lives as long as the process.
 */
#include "device/leaf_context.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#define PROVIDER_NAME "provisiond-leaf"
#define KEY_NAME      "EC"
#define DECODER_INPUT "input=der"
#define DECODER_FORM  "structure=SubjectPublicKeyInfo"

static struct {
    OSSL_PROVIDER *all;         /* the default provider, in a context of its own */
    OSSL_ALGORITHM decoders[2]; /* the one, and the end of the list */
    OSSL_ALGORITHM keys[2];     /* likewise */
    OSSL_LIB_CTX *context;
} leaf;

/* ---- the provider ---- */

static bool is_decoder(const OSSL_ALGORITHM *algorithm)
{
    return strcmp(algorithm->algorithm_names, KEY_NAME) == 0 &&
           strstr(algorithm->property_definition, DECODER_INPUT) != NULL &&
           strstr(algorithm->property_definition, DECODER_FORM) != NULL;
}

/* By the first of its names, which colons part. */
static bool is_key(const OSSL_ALGORITHM *algorithm)
{
    size_t length = strcspn(algorithm->algorithm_names, ":");
    return length == strlen(KEY_NAME) && memcmp(algorithm->algorithm_names, KEY_NAME, length) == 0;
}

/* The first of the default provider's that is wanted. */
static bool find(int operation, bool (*is_wanted)(const OSSL_ALGORITHM *),
                 OSSL_ALGORITHM *ret_algorithm)
{
    int no_cache = 0;
    const OSSL_ALGORITHM *algorithm = OSSL_PROVIDER_query_operation(leaf.all, operation, &no_cache);
    for (; algorithm != NULL && algorithm->algorithm_names != NULL; algorithm++) {
        if (!is_wanted(algorithm))
            continue;
        *ret_algorithm = *algorithm;
        return true;
    }
    return false;
}

static const OSSL_ALGORITHM *query(void *context, int operation, int *no_cache)
{
    (void)context;
    if (operation != OSSL_OP_DECODER && operation != OSSL_OP_KEYMGMT)
        return OSSL_PROVIDER_query_operation(leaf.all, operation, no_cache);
    *no_cache = 0;
    return operation == OSSL_OP_DECODER ? leaf.decoders : leaf.keys;
}

/* The algorithms are the default provider's and are called with its own context. */
static int provide(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
                   const OSSL_DISPATCH **ret_table, void **ret_context)
{
    static const OSSL_DISPATCH table[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query}, {0, NULL}};
    (void)core;
    (void)in;
    *ret_table = table;
    *ret_context = OSSL_PROVIDER_get0_provider_ctx(leaf.all);
    return 1;
}

/* ---- the context ---- */

static OSSL_LIB_CTX *narrow(void)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    if (context != NULL && OSSL_PROVIDER_add_builtin(context, PROVIDER_NAME, provide) == 1 &&
        OSSL_PROVIDER_load(context, PROVIDER_NAME) != NULL)
        return context;
    OSSL_LIB_CTX_free(context);
    return NULL;
}

static void make(void)
{
    OSSL_LIB_CTX *base = OSSL_LIB_CTX_new();
    leaf.all = base != NULL ? OSSL_PROVIDER_load(base, "default") : NULL;
    if (leaf.all != NULL && find(OSSL_OP_DECODER, is_decoder, leaf.decoders) &&
        find(OSSL_OP_KEYMGMT, is_key, leaf.keys))
        leaf.context = narrow();
    if (leaf.context == NULL)
        OSSL_LIB_CTX_free(base);
}

OSSL_LIB_CTX *leaf_context(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make);
    return leaf.context;
}
