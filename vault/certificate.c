/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reads one PEM certificate with libcrypto. Owns no state. */
#include "vault/certificate.h"

#include <stdint.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static bool hash_spki(X509 *certificate, struct sha256 *ret_spki)
{
    uint8_t *der = NULL;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (length <= 0)
        return false;
    *ret_spki = sha256_of(bytes_of(der, (size_t)length));
    OPENSSL_free(der);
    return true;
}

/* No pass phrase is ever asked for. */
static int no_pass_phrase(char *buffer, int size, int is_writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

enum error certificate_spki(struct bytes pem, struct sha256 *ret_spki, struct fault *fault)
{
    bool is_read = false;
    if (pem.length > 0 && pem.length <= CERTIFICATE_PEM_MAX_BYTES) {
        BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.length);
        X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL);
        is_read = certificate != NULL && hash_spki(certificate, ret_spki);
        X509_free(certificate);
        BIO_free(bio);
        ERR_clear_error();
    }
    if (!is_read)
        return fault_set(fault, ERR_BAD_REQUEST, "not-a-certificate",
                         "The file holds no PEM certificate of at most 16 KiB.", 0);
    return ERR_OK;
}
