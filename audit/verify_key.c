/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The auditor's public key. Owns no state. */
#include "audit/verify_part.h"

#include <openssl/err.h>
#include <openssl/pem.h>

static EVP_PKEY *read_pem(const char *pem)
{
    BIO *source = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = source != NULL ? PEM_read_bio_PUBKEY(source, NULL, NULL, NULL) : NULL;
    BIO_free(source);
    ERR_clear_error();
    return key;
}

enum error verify_read_key(struct verification *verification, struct fault *fault)
{
    EVP_PKEY *key = read_pem(verification->request->key_pem);
    int length = key != NULL ? i2d_PUBKEY(key, NULL) : 0;
    if (length > 0 && length <= VERIFY_SPKI_MAX) {
        uint8_t *at = verification->spki;
        verification->spki_length = (size_t)i2d_PUBKEY(key, &at);
    }
    EVP_PKEY_free(key);
    if (verification->spki_length > 0)
        return ERR_OK;
    return fault_set(
        fault, ERR_BAD_REQUEST, "key-malformed",
        "The key is no public P-256 key in PEM: take the one that provctl hsm init wrote.", 0);
}

struct bytes verify_spki(const struct verification *verification)
{
    return bytes_of(verification->spki, verification->spki_length);
}
