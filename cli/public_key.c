/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Owns no state. */
#include "cli/public_key.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define PUBLIC_KEY_MAX_BYTES 2048

static enum error fail_key(struct failure *failure)
{
    return failure_set_plain(failure, ERR_INTERNAL, "The vault's answer holds no public key");
}

enum error public_key_write(struct file_output *output, ProtobufCBinaryData der,
                            struct failure *failure)
{
    const unsigned char *at = der.data;
    char *pem = NULL;
    enum error e = ERR_OK;
    EVP_PKEY *key = NULL;
    BIO *memory = BIO_new(BIO_s_mem());
    if (der.len > 0 && der.len <= PUBLIC_KEY_MAX_BYTES)
        key = d2i_PUBKEY(NULL, &at, (long)der.len);
    if (key == NULL || at != der.data + der.len || memory == NULL ||
        PEM_write_bio_PUBKEY(memory, key) != 1) {
        e = fail_key(failure);
    } else {
        long length = BIO_get_mem_data(memory, &pem);
        e = file_output_commit(output, bytes_of(pem, (size_t)length), failure);
    }
    BIO_free(memory);
    EVP_PKEY_free(key);
    return e;
}
