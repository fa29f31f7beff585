/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What every encryption of a file needs: a GCM message in a session of its own, and the two
 * descriptors. Owns no state.
 */
#include "hsm/p11.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- messages ---- */

CK_RV p11_gcm_begin(struct p11_gcm *gcm, const uint8_t iv[HSM_GCM_IV_BYTES], struct bytes aad)
{
    CK_FUNCTION_LIST *call = gcm->p11->call;
    CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm->parameters, sizeof gcm->parameters};
    memcpy(gcm->iv, iv, sizeof gcm->iv);
    gcm->parameters = (CK_GCM_PARAMS){.iv_ptr = gcm->iv,
                                      .iv_len = sizeof gcm->iv,
                                      .iv_bits = sizeof gcm->iv * 8,
                                      .aad_ptr = (unsigned char *)(uintptr_t)aad.data,
                                      .aad_len = aad.length,
                                      .tag_bits = HSM_GCM_TAG_BYTES * 8UL};
    CK_RV rv = CKR_OK;
    if (gcm->session == CK_INVALID_HANDLE)
        rv = call->C_OpenSession(gcm->p11->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                 &gcm->session);
    return rv == CKR_OK ? call->C_EncryptInit(gcm->session, &mechanism, gcm->key) : rv;
}

enum error p11_gcm_encrypt(struct p11_gcm *gcm, uint8_t *text, size_t length, uint8_t *out,
                           struct fault *fault)
{
    CK_ULONG out_length = length + HSM_GCM_TAG_BYTES;
    CK_RV rv = gcm->p11->call->C_Encrypt(gcm->session, text, length, out, &out_length);
    if (rv != CKR_OK)
        return p11_fail(gcm->p11, rv, fault);
    if (out_length != length + HSM_GCM_TAG_BYTES)
        return fault_set(fault, ERR_INTERNAL, "cipher-length", "The token gave no whole tag.", 0);
    return ERR_OK;
}

void p11_gcm_close(struct p11_gcm *gcm)
{
    if (gcm->session != CK_INVALID_HANDLE)
        (void)gcm->p11->call->C_CloseSession(gcm->session);
    gcm->session = CK_INVALID_HANDLE;
}

/* ---- descriptors ---- */

enum error p11_gcm_read(int clear_fd, uint8_t *out, size_t size, size_t *ret_length,
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

enum error p11_gcm_write(int cipher_fd, const uint8_t *data, size_t length, struct fault *fault)
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
