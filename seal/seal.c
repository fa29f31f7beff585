/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One encryption by libcrypto, as the HSM would do it (hsm/p11_encrypt.c). Owns no state. */
#include "seal/seal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

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

static enum error fail_libcrypto(struct fault *fault)
{
    ERR_clear_error();
    return fault_set(fault, ERR_INTERNAL, "libcrypto", "A libcrypto operation failed.", 0);
}

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

/* Until the buffer is full or the file ends: *ret_length 0 is the end. */
static enum error read_chunk(struct stream *stream, size_t *ret_length, struct fault *fault)
{
    const size_t wanted = stream->left < CHUNK_BYTES ? (size_t)stream->left : CHUNK_BYTES;
    size_t done = 0;
    while (done < wanted) {
        const ssize_t n = read(stream->message->clear_fd, stream->in + done, wanted - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(fault, ERR_CONFIG, "clear-unreadable", "The firmware cannot be read.",
                             errno);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    stream->left -= done;
    stream->result.length += done;
    *ret_length = done;
    return ERR_OK;
}

static enum error write_all(int fd, const uint8_t *bytes, size_t length, struct fault *fault)
{
    while (length > 0) {
        const ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fault_set(fault, ERR_CONFIG, "cipher-unwritable",
                             "The encrypted image cannot be written: see the number; 28 is a full "
                             "disk.",
                             errno);
        bytes += n;
        length -= (size_t)n;
    }
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
            return fail_libcrypto(fault);
        e = write_all(stream->message->cipher_fd, stream->out, (size_t)made, fault);
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
        return fail_libcrypto(fault);
    enum error e = write_all(message->cipher_fd, stream->out, (size_t)made, fault);
    if (e == ERR_OK && message->appends_tag)
        e = write_all(message->cipher_fd, result->tag, result->tag_length, fault);
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
                                                                     : fail_libcrypto(fault);
}

enum error seal_encrypt(void *context, const struct pack_message *message,
                        struct pack_result *ret_result, struct fault *fault)
{
    struct seal *seal = context;
    STREAM_AUTO *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (message->has_records)
        return fault_set(fault, ERR_UNSUPPORTED, "seal-records",
                         "An image of records is not packed at home.", 0);
    stream->message = message;
    stream->left = message->length > 0 ? message->length : UINT64_MAX;
    enum error e = draw_key(seal, message->content->key_bytes, fault);
    if (e == ERR_OK && !begin(stream, &seal->session_key))
        e = fail_libcrypto(fault);
    if (e == ERR_OK)
        e = encrypt_chunks(stream, fault);
    if (e == ERR_OK)
        e = finish(stream, fault);
    if (e == ERR_OK)
        *ret_result = stream->result;
    return e;
}

void seal_clear(struct seal *seal)
{
    secret_clear(&seal->session_key);
}
