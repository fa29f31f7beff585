/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the recipes of this folder share and a device does in its own way: files, and the end. */
#ifndef RECIPE_H
#define RECIPE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#define RECIPE_LICENSE_MAX 4096
#define RECIPE_IMAGE_MAX   ((size_t)16 * 1024 * 1024)

struct octets {
    uint8_t *data;
    size_t length;
};

/* A device does not boot what did not open. */
static inline void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "the license does not open: %s\n", what);
    exit(1);
}

static inline struct octets read_file(const char *path, size_t max)
{
    FILE *file = fopen(path, "rb");
    struct octets all = {.data = malloc(max + 1)};
    require(file != NULL && all.data != NULL, path);
    all.length = fread(all.data, 1, max + 1, file);
    require(ferror(file) == 0 && all.length <= max, path);
    fclose(file);
    return all;
}

static inline void write_file(const char *path, const uint8_t *data, size_t length)
{
    FILE *file = fopen(path, "wb");
    require(file != NULL && fwrite(data, 1, length, file) == length && fclose(file) == 0, path);
}

static inline EVP_PKEY *read_key(const char *path)
{
    FILE *file = fopen(path, "rb");
    EVP_PKEY *key = file != NULL ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    require(key != NULL, path);
    fclose(file);
    return key;
}

/* ECDH, or X25519: the secret Z. */
static inline size_t agree(EVP_PKEY *mine, EVP_PKEY *theirs, uint8_t *secret, size_t max)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(mine, NULL);
    require(context != NULL && EVP_PKEY_derive_init(context) == 1 &&
                EVP_PKEY_derive_set_peer(context, theirs) == 1 &&
                EVP_PKEY_derive(context, secret, &max) == 1,
            "the ephemeral key");
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(theirs);
    return max;
}

/* An ephemeral key of the curve that the device's own key is on, from its uncompressed point. */
static inline EVP_PKEY *point_key(EVP_PKEY *mine, const uint8_t *point, size_t length)
{
    EVP_PKEY *key = EVP_PKEY_new();
    require(key != NULL && EVP_PKEY_copy_parameters(key, mine) == 1 &&
                EVP_PKEY_set1_encoded_public_key(key, point, length) == 1,
            "the ephemeral key is not on the curve");
    return key;
}

/* AES key unwrap (RFC 3394); false when it was wrapped under another key. */
static inline bool unwrap(const uint8_t *kek, size_t kek_bytes, const uint8_t *wrapped,
                          size_t length, uint8_t *out)
{
    int done = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    const bool is_open =
        EVP_DecryptInit_ex(context, kek_bytes == 16 ? EVP_aes_128_wrap() : EVP_aes_256_wrap(), NULL,
                           kek, NULL) == 1 &&
        EVP_DecryptUpdate(context, out, &done, wrapped, (int)length) == 1;
    EVP_CIPHER_CTX_free(context);
    return is_open && (size_t)done + 8 == length;
}

/* AES-GCM in one piece; false, and nothing of out may be used, when the tag is another. */
static inline bool open_gcm(const uint8_t *key, size_t key_bytes, struct octets iv,
                            struct octets aad, struct octets text, const uint8_t tag[16],
                            uint8_t *out)
{
    int done = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const bool is_open =
        EVP_DecryptInit_ex(context, key_bytes == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(), NULL,
                           NULL, NULL) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)iv.length, NULL) == 1 &&
        EVP_DecryptInit_ex(context, NULL, NULL, key, iv.data) == 1 &&
        EVP_DecryptUpdate(context, NULL, &done, aad.data, (int)aad.length) == 1 &&
        EVP_DecryptUpdate(context, out, &done, text.data, (int)text.length) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(uintptr_t)tag) == 1 &&
        EVP_DecryptFinal_ex(context, out + done, &done) == 1;
    EVP_CIPHER_CTX_free(context);
    return is_open;
}

/* AES-CTR: there is no tag, so the firmware's own signature must be checked after it. */
static inline void open_ctr(const uint8_t *key, size_t key_bytes, const uint8_t counter[16],
                            const uint8_t *text, size_t length, uint8_t *out)
{
    int done = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    require(EVP_DecryptInit_ex(context, key_bytes == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr(),
                               NULL, key, counter) == 1 &&
                EVP_DecryptUpdate(context, out, &done, text, (int)length) == 1,
            "AES-CTR");
    EVP_CIPHER_CTX_free(context);
}

#endif
