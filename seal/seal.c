/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One encryption by libcrypto, as the HSM would do it (hsm/p11_encrypt.c). Owns no state. */
#include "seal/seal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "seal/part.h"

#define CHUNK_BYTES ((size_t)64 * 1024)
#define BLOCK_BYTES 16

static_assert(LICENSE_CONTENT_IV_MAX >= BLOCK_BYTES, "a block of zeros fits an IV");

/* The stream of one message; owned by seal_encrypt. */
struct stream {
    const struct pack_message *message;
    EVP_CIPHER_CTX *context;
    uint64_t left;
    struct pack_result result;
    uint8_t in[CHUNK_BYTES];
    uint8_t out[CHUNK_BYTES + BLOCK_BYTES];
};

static void free_stream(struct stream **stream)
{
    if (*stream == NULL)
        return;
    EVP_CIPHER_CTX_free((*stream)->context); /* cleanses the key schedule */
    OPENSSL_cleanse(*stream, sizeof **stream);
    free(*stream);
}

#define STREAM_AUTO __attribute__((cleanup(free_stream))) struct stream

/* ---- the files ---- */

/* *ret_length 0 is the end. */
static enum error read_chunk(struct stream *stream, size_t *ret_length, struct fault *fault)
{
    const size_t wanted = stream->left < CHUNK_BYTES ? (size_t)stream->left : CHUNK_BYTES;
    enum error e = seal_read_full(stream->message->clear_fd, stream->in, wanted, ret_length, fault);
    if (e != ERR_OK)
        return e;
    stream->left -= *ret_length;
    stream->result.length += *ret_length;
    return ERR_OK;
}

/* ---- the cipher ---- */

static const EVP_CIPHER *cipher_of(const struct license_content *content)
{
    const bool is_128 = content->key_bytes == 16;
    switch (content->cipher) {
    case LICENSE_AES_CBC:
        return is_128 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
    case LICENSE_AES_CTR:
        return is_128 ? EVP_aes_128_ctr() : EVP_aes_256_ctr();
    case LICENSE_AES_GCM:
    default:
        return is_128 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    }
}

/* A counter that begins at 0 is no IV: it stays a block of zeros. */
static bool draw_iv(struct stream *stream)
{
    stream->result.iv_length = stream->message->content->iv_bytes;
    return stream->result.iv_length == 0 ||
           RAND_bytes(stream->result.iv, (int)stream->result.iv_length) == 1;
}

static bool begin(struct stream *stream, const struct secret *key)
{
    const struct license_content *content = stream->message->content;
    const bool is_gcm = content->cipher == LICENSE_AES_GCM;
    int ignored = 0;
    stream->context = EVP_CIPHER_CTX_new();
    return stream->context != NULL && draw_iv(stream) &&
           EVP_EncryptInit_ex(stream->context, cipher_of(content), NULL, NULL, NULL) == 1 &&
           (!is_gcm || EVP_CIPHER_CTX_ctrl(stream->context, EVP_CTRL_AEAD_SET_IVLEN,
                                           (int)content->iv_bytes, NULL) == 1) &&
           EVP_EncryptInit_ex(stream->context, NULL, NULL, key->bytes, stream->result.iv) == 1 &&
           (content->aad_length == 0 ||
            EVP_EncryptUpdate(stream->context, NULL, &ignored, content->aad,
                              (int)content->aad_length) == 1);
}

static enum error encrypt_chunks(struct stream *stream, struct fault *fault)
{
    size_t length = 0;
    int made = 0;
    enum error e = read_chunk(stream, &length, fault);
    while (e == ERR_OK && length > 0) {
        if (EVP_EncryptUpdate(stream->context, stream->out, &made, stream->in, (int)length) != 1)
            return seal_fail_libcrypto(fault);
        e = seal_write_all(stream->message->cipher_fd, stream->out, (size_t)made, fault);
        if (e == ERR_OK)
            e = read_chunk(stream, &length, fault);
    }
    return e;
}

/* Padding, and the tag. */
static enum error finish(struct stream *stream, struct fault *fault)
{
    const struct pack_message *message = stream->message;
    struct pack_result *result = &stream->result;
    int made = 0;
    result->tag_length = message->content->tag_bytes;
    if (EVP_EncryptFinal_ex(stream->context, stream->out, &made) != 1 ||
        (result->tag_length > 0 && EVP_CIPHER_CTX_ctrl(stream->context, EVP_CTRL_AEAD_GET_TAG,
                                                       (int)result->tag_length, result->tag) != 1))
        return seal_fail_libcrypto(fault);
    enum error e = seal_write_all(message->cipher_fd, stream->out, (size_t)made, fault);
    if (e == ERR_OK && message->appends_tag)
        e = seal_write_all(message->cipher_fd, result->tag, result->tag_length, fault);
    return e;
}

/* ---- the session key ---- */

static enum error draw_key(struct seal *seal, size_t bytes, struct fault *fault)
{
    if (seal->session_key.bytes != NULL)
        return fault_set(fault, ERR_CONFLICT, "seal-used",
                         "A session key encrypts one image and never another one.", 0);
    if (secret_new(bytes, &seal->session_key) != ERR_OK)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for secrets.", 0);
    return RAND_priv_bytes(seal->session_key.bytes, (int)bytes) == 1 ? ERR_OK
                                                                     : seal_fail_libcrypto(fault);
}

static enum error encrypt_stream(const struct secret *key, const struct pack_message *message,
                                 struct pack_result *ret_result, struct fault *fault)
{
    STREAM_AUTO *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    stream->message = message;
    stream->left = message->length > 0 ? message->length : UINT64_MAX;
    if (!begin(stream, key))
        return seal_fail_libcrypto(fault);
    enum error e = encrypt_chunks(stream, fault);
    if (e == ERR_OK)
        e = finish(stream, fault);
    if (e == ERR_OK)
        *ret_result = stream->result;
    return e;
}

enum error seal_encrypt(void *context, const struct pack_message *message,
                        struct pack_result *ret_result, struct fault *fault)
{
    struct seal *seal = context;
    enum error e = draw_key(seal, message->content->key_bytes, fault);
    if (e != ERR_OK)
        return e;
    return message->has_records ? seal_records(&seal->session_key, message, ret_result, fault)
                                : encrypt_stream(&seal->session_key, message, ret_result, fault);
}

void seal_clear(struct seal *seal)
{
    secret_clear(&seal->session_key);
}
