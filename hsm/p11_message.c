/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What every encryption of a file needs: a message in a session of its own, and the two
 * descriptors. Owns no state.
 */
#include "hsm/p11.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES  16
#define COUNTER_BITS 128 /* the whole counter block is the number */

/* ---- messages ---- */

size_t p11_message_tag_bytes(const struct p11_message *message)
{
    return message->cipher == HSM_AES_GCM ? HSM_GCM_TAG_BYTES : 0;
}

uint64_t p11_message_cipher_bytes(const struct p11_message *message, uint64_t length)
{
    return message->cipher == HSM_AES_CBC ? length + BLOCK_BYTES - length % BLOCK_BYTES : length;
}

static CK_MECHANISM gcm_of(struct p11_message *message, struct bytes aad)
{
    message->gcm = (CK_GCM_PARAMS){.iv_ptr = message->iv,
                                   .iv_len = message->iv_bytes,
                                   .iv_bits = message->iv_bytes * 8,
                                   .aad_ptr = (unsigned char *)(uintptr_t)aad.data,
                                   .aad_len = aad.length,
                                   .tag_bits = HSM_GCM_TAG_BYTES * 8UL};
    return (CK_MECHANISM){CKM_AES_GCM, &message->gcm, sizeof message->gcm};
}

static CK_MECHANISM ctr_of(struct p11_message *message)
{
    message->ctr.counter_bits = COUNTER_BITS;
    memcpy(message->ctr.cb, message->iv, sizeof message->ctr.cb);
    return (CK_MECHANISM){CKM_AES_CTR, &message->ctr, sizeof message->ctr};
}

static CK_MECHANISM mechanism_of(struct p11_message *message, struct bytes aad)
{
    if (message->cipher == HSM_AES_GCM)
        return gcm_of(message, aad);
    if (message->cipher == HSM_AES_CTR)
        return ctr_of(message);
    return (CK_MECHANISM){CKM_AES_CBC_PAD, message->iv, BLOCK_BYTES};
}

CK_RV p11_message_begin(struct p11_message *message, const uint8_t *iv, struct bytes aad)
{
    CK_FUNCTION_LIST *call = message->p11->call;
    memcpy(message->iv, iv, message->iv_bytes);
    CK_MECHANISM mechanism = mechanism_of(message, aad);
    CK_RV rv = CKR_OK;
    if (message->session == CK_INVALID_HANDLE)
        rv = call->C_OpenSession(message->p11->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                 NULL, &message->session);
    return rv == CKR_OK ? call->C_EncryptInit(message->session, &mechanism, message->key) : rv;
}

enum error p11_message_encrypt(struct p11_message *message, uint8_t *text, size_t length,
                               uint8_t *out, struct fault *fault)
{
    const CK_ULONG wanted =
        p11_message_cipher_bytes(message, length) + p11_message_tag_bytes(message);
    CK_ULONG out_length = wanted;
    CK_RV rv = message->p11->call->C_Encrypt(message->session, text, length, out, &out_length);
    if (rv != CKR_OK)
        return p11_fail(message->p11, rv, fault);
    if (out_length != wanted)
        return fault_set(fault, ERR_INTERNAL, "cipher-length", "The token gave no whole message.",
                         0);
    return ERR_OK;
}

void p11_message_close(struct p11_message *message)
{
    if (message->session != CK_INVALID_HANDLE)
        (void)message->p11->call->C_CloseSession(message->session);
    message->session = CK_INVALID_HANDLE;
}

/* ---- descriptors ---- */

enum error p11_message_read(int clear_fd, uint8_t *out, size_t size, size_t *ret_length,
                            struct fault *fault)
{
    size_t length = 0;
    while (length < size) {
        ssize_t n = read(clear_fd, out + length, size - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(fault, ERR_BAD_REQUEST, "clear-unreadable",
                             "The file to encrypt cannot be read.", errno);
        if (n == 0)
            break;
        length += (size_t)n;
    }
    *ret_length = length;
    return ERR_OK;
}

enum error p11_message_write(int cipher_fd, const uint8_t *data, size_t length, struct fault *fault)
{
    while (length > 0) {
        ssize_t n = write(cipher_fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fault_set(fault, ERR_BAD_REQUEST, "cipher-unwritable",
                             "The encrypted file cannot be written.", errno);
        data += n;
        length -= (size_t)n;
    }
    return ERR_OK;
}
