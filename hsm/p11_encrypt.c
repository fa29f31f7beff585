/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Encrypting a file in the token, as one message or as records (p11_records.c). The token writes
 * one stream, ciphertext then GCM's tag, and may give any part of it at any call: the last 16 bytes
 * are held back with GCM, and what is held at the end is the tag. A token that has a cipher in one
 * part only, or gives nothing before the end, serves files up to 16 MiB.
 */
#include "hsm/p11.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES       ((size_t)64 * 1024)
#define OUT_BYTES         (CHUNK_BYTES + 256) /* a module may give back what it held */
#define SINGLE_PART_BYTES ((size_t)16 * 1024 * 1024)

/* The stream of one message; owned by encrypt_message. */
struct stream {
    struct p11_message message;
    int clear_fd;
    int cipher_fd;
    uint64_t left;    /* bytes to read at most */
    uint64_t length;  /* bytes read */
    uint64_t written; /* bytes of ciphertext */
    uint8_t held[HSM_GCM_TAG_BYTES];
    size_t held_length;
    uint8_t in[CHUNK_BYTES];
    uint8_t out[OUT_BYTES];
    uint8_t joined[HSM_GCM_TAG_BYTES + OUT_BYTES];
};

static enum error read_chunk(struct stream *stream, uint8_t *out, size_t size, size_t *ret_length,
                             struct fault *fault)
{
    const size_t wanted = stream->left < size ? (size_t)stream->left : size;
    enum error e = p11_message_read(stream->clear_fd, out, wanted, ret_length, fault);
    if (e != ERR_OK)
        return e;
    stream->left -= *ret_length;
    stream->length += *ret_length;
    return ERR_OK;
}

/* Writes what the token has given so far, all but the newest bytes that may be the tag. */
static enum error emit(struct stream *stream, const uint8_t *data, size_t length,
                       struct fault *fault)
{
    const size_t tag_bytes = p11_message_tag_bytes(&stream->message);
    size_t total = stream->held_length + length;
    if (length > OUT_BYTES)
        return fault_set(fault, ERR_INTERNAL, "cipher-length",
                         "The token gave more bytes than it was asked for.", 0);
    memcpy(stream->joined, stream->held, stream->held_length);
    memcpy(stream->joined + stream->held_length, data, length);
    size_t kept = total < tag_bytes ? total : tag_bytes;
    memcpy(stream->held, stream->joined + (total - kept), kept);
    stream->held_length = kept;
    stream->written += total - kept;
    return p11_message_write(stream->cipher_fd, stream->joined, total - kept, fault);
}

static enum error fail_too_large(struct fault *fault)
{
    return fault_set(fault, ERR_UNSUPPORTED, "image-too-large-for-token",
                     "This token takes or gives an image as a whole only: at most 16 MiB.", 0);
}

/* ---- several parts ---- */

static enum error emit_all(struct stream *stream, const uint8_t *data, size_t length,
                           struct fault *fault)
{
    enum error e = ERR_OK;
    for (size_t done = 0; done < length && e == ERR_OK;) {
        size_t part = length - done < OUT_BYTES ? length - done : OUT_BYTES;
        e = emit(stream, data + done, part, fault);
        done += part;
    }
    return e;
}

/* The end of a message whose token has collected size bytes, which it gives here and at once. */
static enum error finish_collected(struct stream *stream, CK_ULONG size, struct fault *fault)
{
    struct p11 *p11 = stream->message.p11;
    if (size > SINGLE_PART_BYTES + HSM_GCM_TAG_BYTES)
        return fail_too_large(fault);
    uint8_t *collected = malloc(size);
    if (collected == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    CK_RV rv = p11->call->C_EncryptFinal(stream->message.session, collected, &size);
    enum error e =
        rv == CKR_OK ? emit_all(stream, collected, size, fault) : p11_fail(p11, rv, fault);
    free(collected);
    return e;
}

/* *ret_is_refused: the token took no first part, and nothing was written. */
static enum error encrypt_parts(struct stream *stream, size_t first, bool *ret_is_refused,
                                struct fault *fault)
{
    struct p11 *p11 = stream->message.p11;
    size_t length = first;
    bool is_first = true;
    enum error e = ERR_OK;
    while (length > 0) {
        CK_ULONG out = sizeof stream->out;
        CK_RV rv = p11->call->C_EncryptUpdate(stream->message.session, stream->in, length,
                                              stream->out, &out);
        *ret_is_refused = is_first && rv != CKR_OK;
        if (*ret_is_refused)
            return ERR_OK;
        is_first = false;
        if (rv != CKR_OK)
            return p11_fail(p11, rv, fault);
        e = emit(stream, stream->out, out, fault);
        if (e == ERR_OK)
            e = read_chunk(stream, stream->in, CHUNK_BYTES, &length, fault);
        if (e != ERR_OK)
            return e;
    }
    CK_ULONG out = sizeof stream->out;
    CK_RV rv = p11->call->C_EncryptFinal(stream->message.session, stream->out, &out);
    *ret_is_refused = is_first && rv != CKR_OK;
    if (*ret_is_refused)
        return ERR_OK;
    if (rv == CKR_BUFFER_TOO_SMALL)
        return finish_collected(stream, out, fault);
    return rv == CKR_OK ? emit(stream, stream->out, out, fault) : p11_fail(p11, rv, fault);
}

/* ---- one part ---- */

static enum error encrypt_buffer(struct stream *stream, uint8_t *in, size_t length,
                                 struct fault *fault)
{
    const size_t cipher_bytes = (size_t)p11_message_cipher_bytes(&stream->message, length);
    uint8_t *out = malloc(cipher_bytes + HSM_GCM_TAG_BYTES);
    if (out == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = p11_message_encrypt(&stream->message, in, length, out, fault);
    if (e == ERR_OK)
        e = p11_message_write(stream->cipher_fd, out, cipher_bytes, fault);
    if (e == ERR_OK) {
        stream->written = cipher_bytes;
        stream->held_length = p11_message_tag_bytes(&stream->message);
        memcpy(stream->held, out + cipher_bytes, stream->held_length);
    }
    free(out);
    return e;
}

/* first bytes are in stream->in already. */
static enum error encrypt_whole(struct stream *stream, size_t first, struct fault *fault)
{
    size_t rest = 0;
    uint8_t *in = malloc(SINGLE_PART_BYTES + 1);
    if (in == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    memcpy(in, stream->in, first);
    enum error e = read_chunk(stream, in + first, SINGLE_PART_BYTES + 1 - first, &rest, fault);
    if (e == ERR_OK && first + rest > SINGLE_PART_BYTES)
        e = fail_too_large(fault);
    if (e == ERR_OK)
        e = encrypt_buffer(stream, in, first + rest, fault);
    explicit_bzero(in, first + rest);
    free(in);
    return e;
}

/* ---- both ---- */

static enum error encrypt_stream(struct stream *stream, const uint8_t iv[HSM_IV_MAX],
                                 struct bytes aad, struct fault *fault)
{
    struct p11 *p11 = stream->message.p11;
    size_t first = 0;
    bool is_refused = false;
    enum error e = read_chunk(stream, stream->in, CHUNK_BYTES, &first, fault);
    if (e != ERR_OK)
        return e;
    CK_RV rv = p11_message_begin(&stream->message, iv, aad);
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    e = encrypt_parts(stream, first, &is_refused, fault);
    if (e != ERR_OK || !is_refused)
        return e;
    /* Nothing was made under this IV yet: the same IV starts again in one part. */
    p11_message_close(&stream->message);
    rv = p11_message_begin(&stream->message, iv, aad);
    return rv == CKR_OK ? encrypt_whole(stream, first, fault) : p11_fail(p11, rv, fault);
}

static enum error take_content(const struct stream *stream, struct hsm_content *ret_content,
                               struct fault *fault)
{
    const size_t tag_bytes = p11_message_tag_bytes(&stream->message);
    if (stream->held_length != tag_bytes ||
        stream->written != p11_message_cipher_bytes(&stream->message, stream->length))
        return fault_set(fault, ERR_INTERNAL, "cipher-length", "The token gave no whole message.",
                         0);
    ret_content->tag_length = tag_bytes;
    memcpy(ret_content->tag, stream->held, tag_bytes);
    ret_content->length = stream->length;
    return ERR_OK;
}

/* What is asked for beside the ciphertext. */
static enum error finish(const struct stream *stream, const struct p11_encryption *encryption,
                         struct fault *fault)
{
    if (encryption->length > 0 && stream->length != encryption->length)
        return fault_set(fault, ERR_BAD_REQUEST, "clear-short",
                         "The file to encrypt has fewer bytes than were asked for.", 0);
    if (encryption->appends_tag)
        return p11_message_write(stream->cipher_fd, stream->held, stream->held_length, fault);
    return ERR_OK;
}

static enum error encrypt_message(struct p11 *p11, const struct p11_encryption *encryption,
                                  CK_OBJECT_HANDLE key, struct hsm_content *content,
                                  struct fault *fault)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    stream->message = (struct p11_message){
        .p11 = p11, .key = key, .cipher = encryption->cipher, .iv_bytes = sizeof content->iv};
    if (encryption->cipher == HSM_AES_GCM)
        stream->message.iv_bytes = content->iv_length;
    stream->clear_fd = encryption->clear_fd;
    stream->cipher_fd = encryption->cipher_fd;
    stream->left = encryption->length > 0 ? encryption->length : UINT64_MAX;
    enum error e = encrypt_stream(stream, content->iv, encryption->aad, fault);
    if (e == ERR_OK)
        e = take_content(stream, content, fault);
    if (e == ERR_OK)
        e = finish(stream, encryption, fault);
    p11_message_close(&stream->message);
    explicit_bzero(stream, sizeof *stream); /* the image in clear */
    free(stream);
    return e;
}

/* Of the IV that is drawn: a counter block of zeros is none. */
static size_t iv_bytes_of(const struct p11_encryption *encryption)
{
    if (encryption->cipher == HSM_AES_CTR)
        return encryption->iv_bytes;
    if (encryption->cipher == HSM_AES_CBC)
        return HSM_IV_MAX;
    return encryption->iv_bytes == 0 ? HSM_GCM_IV_BYTES : encryption->iv_bytes;
}

enum error p11_encrypt(struct p11 *p11, const struct p11_encryption *encryption,
                       struct hsm_content *ret_content, struct fault *fault)
{
    struct hsm_content content = {.iv_length = iv_bytes_of(encryption)};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum error e = p11_unwrap_for_encryption(p11, &encryption->firmware_key,
                                             encryption->wrapped_session_key, &key, fault);
    if (e == ERR_OK && content.iv_length > 0)
        e = p11_random(p11, content.iv, content.iv_length, fault);
    if (e == ERR_OK)
        e = encryption->cipher == HSM_AES_GCM_RECORDS
                ? p11_encrypt_records(p11, encryption, key, content.iv, &content, fault)
                : encrypt_message(p11, encryption, key, &content, fault);
    p11_destroy(p11, &key);
    if (e == ERR_OK)
        *ret_content = content;
    return e;
}
