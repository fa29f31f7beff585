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
#define DECODER_NAME  "EC"
#define DECODER_INPUT "input=der"
#define DECODER_FORM  "structure=SubjectPublicKeyInfo"
#define KINDS_MAX     32

/* Kinds of keys that sign no certificate; libcrypto looks through all that there are. */
static const char *const OTHER_KINDS[] = {"DH",     "DHX",  "X25519", "X448",    "TLS1-PRF", "HKDF",
                                          "SCRYPT", "HMAC", "CMAC",   "SIPHASH", "POLY1305"};

static struct {
    OSSL_PROVIDER *all;                  /* the default provider, in a context of its own */
    OSSL_ALGORITHM decoders[2];          /* the one, and the end of the list */
    OSSL_ALGORITHM kinds[KINDS_MAX + 1]; /* of keys */
    OSSL_LIB_CTX *context;
} leaf;

/* ---- the provider ---- */

static bool is_of_ec_keys(const OSSL_ALGORITHM *decoder)
{
    return strcmp(decoder->algorithm_names, DECODER_NAME) == 0 &&
           strstr(decoder->property_definition, DECODER_INPUT) != NULL &&
           strstr(decoder->property_definition, DECODER_FORM) != NULL;
}

static bool find_decoder(void)
{
    int no_cache = 0;
    const OSSL_ALGORITHM *decoder =
        OSSL_PROVIDER_query_operation(leaf.all, OSSL_OP_DECODER, &no_cache);
    while (decoder != NULL && decoder->algorithm_names != NULL && !is_of_ec_keys(decoder))
        decoder++;
    if (decoder == NULL || decoder->algorithm_names == NULL)
        return false;
    leaf.decoders[0] = *decoder;
    return true;
}

/* By the first of its names, which colons part. */
static bool signs_certificates(const OSSL_ALGORITHM *kind)
{
    size_t length = strcspn(kind->algorithm_names, ":");
    for (size_t i = 0; i < sizeof OTHER_KINDS / sizeof OTHER_KINDS[0]; i++) {
        if (strlen(OTHER_KINDS[i]) == length &&
            strncmp(kind->algorithm_names, OTHER_KINDS[i], length) == 0)
            return false;
    }
    return true;
}

static bool find_kinds(void)
{
    int no_cache = 0;
    size_t count = 0;
    const OSSL_ALGORITHM *kind =
        OSSL_PROVIDER_query_operation(leaf.all, OSSL_OP_KEYMGMT, &no_cache);
    for (; kind != NULL && kind->algorithm_names != NULL; kind++) {
        if (!signs_certificates(kind))
            continue;
        if (count == KINDS_MAX)
            return false;
        leaf.kinds[count++] = *kind;
    }
    return true;
}

static const OSSL_ALGORITHM *query(void *context, int operation, int *no_cache)
{
    (void)context;
    if (operation != OSSL_OP_DECODER && operation != OSSL_OP_KEYMGMT)
        return OSSL_PROVIDER_query_operation(leaf.all, operation, no_cache);
    *no_cache = 0;
    return operation == OSSL_OP_DECODER ? leaf.decoders : leaf.kinds;
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
    if (leaf.all != NULL && find_decoder() && find_kinds())
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
