/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Encrypting a file in the token with AES-GCM, as one message or as records (p11_records.c). The
 * token writes one stream, ciphertext then tag, and may give any part of it at any call: the last
 * 16 bytes are held back, and what is held at the end is the tag. A token that has GCM in one part
 * only, or gives nothing before the end, serves files up to 16 MiB.
 */
#include "hsm/p11.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES       ((size_t)64 * 1024)
#define OUT_BYTES         (CHUNK_BYTES + 256) /* a module may give back what it held */
#define SINGLE_PART_BYTES ((size_t)16 * 1024 * 1024)

/* The stream of one message; owned by encrypt_message. */
struct stream {
    struct p11_gcm gcm;
    int clear_fd;
    int cipher_fd;
    uint64_t length;  /* bytes read */
    uint64_t written; /* bytes of ciphertext, never more than length */
    uint8_t held[HSM_GCM_TAG_BYTES];
    size_t held_length;
    uint8_t in[CHUNK_BYTES];
    uint8_t out[OUT_BYTES];
    uint8_t joined[HSM_GCM_TAG_BYTES + OUT_BYTES];
};

static enum error read_chunk(struct stream *stream, uint8_t *out, size_t size, size_t *ret_length,
                             struct fault *fault)
{
    enum error e = p11_gcm_read(stream->clear_fd, out, size, ret_length, fault);
    if (e == ERR_OK)
        stream->length += *ret_length;
    return e;
}

/* Writes all but the newest 16 bytes of what the token has given so far. */
static enum error emit(struct stream *stream, const uint8_t *data, size_t length,
                       struct fault *fault)
{
    size_t total = stream->held_length + length;
    if (length > OUT_BYTES)
        return fault_set(fault, ERR_INTERNAL, "cipher-length",
                         "The token gave more bytes than it was asked for.", 0);
    memcpy(stream->joined, stream->held, stream->held_length);
    memcpy(stream->joined + stream->held_length, data, length);
    size_t kept = total < HSM_GCM_TAG_BYTES ? total : HSM_GCM_TAG_BYTES;
    memcpy(stream->held, stream->joined + (total - kept), kept);
    stream->held_length = kept;
    stream->written += total - kept;
    return p11_gcm_write(stream->cipher_fd, stream->joined, total - kept, fault);
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
    struct p11 *p11 = stream->gcm.p11;
    if (size > SINGLE_PART_BYTES + HSM_GCM_TAG_BYTES)
        return fail_too_large(fault);
    uint8_t *collected = malloc(size);
    if (collected == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    CK_RV rv = p11->call->C_EncryptFinal(stream->gcm.session, collected, &size);
    enum error e =
        rv == CKR_OK ? emit_all(stream, collected, size, fault) : p11_fail(p11, rv, fault);
    free(collected);
    return e;
}

/* *ret_is_refused: the token took no first part, and nothing was written. */
static enum error encrypt_parts(struct stream *stream, size_t first, bool *ret_is_refused,
                                struct fault *fault)
{
    struct p11 *p11 = stream->gcm.p11;
    size_t length = first;
    bool is_first = true;
    enum error e = ERR_OK;
    while (length > 0) {
        CK_ULONG out = sizeof stream->out;
        CK_RV rv =
            p11->call->C_EncryptUpdate(stream->gcm.session, stream->in, length, stream->out, &out);
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
    CK_RV rv = p11->call->C_EncryptFinal(stream->gcm.session, stream->out, &out);
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
    uint8_t *out = malloc(length + HSM_GCM_TAG_BYTES);
    if (out == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = p11_gcm_encrypt(&stream->gcm, in, length, out, fault);
    if (e == ERR_OK)
        e = p11_gcm_write(stream->cipher_fd, out, length, fault);
    if (e == ERR_OK) {
        stream->written = length;
        memcpy(stream->held, out + length, HSM_GCM_TAG_BYTES);
        stream->held_length = HSM_GCM_TAG_BYTES;
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

static enum error encrypt_stream(struct stream *stream, const uint8_t iv[HSM_GCM_IV_BYTES],
                                 struct bytes aad, struct fault *fault)
{
    struct p11 *p11 = stream->gcm.p11;
    size_t first = 0;
    bool is_refused = false;
    enum error e = read_chunk(stream, stream->in, CHUNK_BYTES, &first, fault);
    if (e != ERR_OK)
        return e;
    CK_RV rv = p11_gcm_begin(&stream->gcm, iv, aad);
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    e = encrypt_parts(stream, first, &is_refused, fault);
    if (e != ERR_OK || !is_refused)
        return e;
    /* Nothing was made under this IV yet: the same IV starts again in one part. */
    p11_gcm_close(&stream->gcm);
    rv = p11_gcm_begin(&stream->gcm, iv, aad);
    return rv == CKR_OK ? encrypt_whole(stream, first, fault) : p11_fail(p11, rv, fault);
}

static enum error take_content(const struct stream *stream, const uint8_t iv[HSM_GCM_IV_BYTES],
                               struct hsm_content *ret_content, struct fault *fault)
{
    if (stream->held_length != HSM_GCM_TAG_BYTES || stream->written != stream->length)
        return fault_set(fault, ERR_INTERNAL, "cipher-length", "The token gave no whole tag.", 0);
    memcpy(ret_content->iv, iv, HSM_GCM_IV_BYTES);
    ret_content->iv_length = HSM_GCM_IV_BYTES;
    memcpy(ret_content->tag, stream->held, HSM_GCM_TAG_BYTES);
    ret_content->tag_length = HSM_GCM_TAG_BYTES;
    ret_content->length = stream->length;
    return ERR_OK;
}

static enum error encrypt_message(struct p11 *p11, const struct p11_encryption *encryption,
                                  CK_OBJECT_HANDLE key, const uint8_t iv[HSM_GCM_IV_BYTES],
                                  struct hsm_content *ret_content, struct fault *fault)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    stream->gcm = (struct p11_gcm){.p11 = p11, .key = key};
    stream->clear_fd = encryption->clear_fd;
    stream->cipher_fd = encryption->cipher_fd;
    enum error e = encrypt_stream(stream, iv, encryption->aad, fault);
    if (e == ERR_OK)
        e = take_content(stream, iv, ret_content, fault);
    p11_gcm_close(&stream->gcm);
    explicit_bzero(stream, sizeof *stream); /* the image in clear */
    free(stream);
    return e;
}

enum error p11_encrypt(struct p11 *p11, const struct p11_encryption *encryption,
                       struct hsm_content *ret_content, struct fault *fault)
{
    uint8_t iv[HSM_GCM_IV_BYTES];
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    if ((encryption->cipher != HSM_AES_GCM && encryption->cipher != HSM_AES_GCM_RECORDS) ||
        encryption->iv_bytes > HSM_GCM_IV_BYTES || encryption->length > 0 ||
        encryption->appends_tag)
        return fault_set(fault, ERR_UNSUPPORTED, "not-in-this-build",
                         "This build does not know the cipher yet.", 0);
    enum error e = p11_unwrap_for_encryption(p11, &encryption->firmware_key,
                                             encryption->wrapped_session_key, &key, fault);
    if (e == ERR_OK)
        e = p11_random(p11, iv, sizeof iv, fault);
    if (e == ERR_OK)
        e = encryption->cipher == HSM_AES_GCM_RECORDS
                ? p11_encrypt_records(p11, encryption, key, iv, ret_content, fault)
                : encrypt_message(p11, encryption, key, iv, ret_content, fault);
    p11_destroy(p11, &key);
    return e;
}
