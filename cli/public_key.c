/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Owns no state. */
#include "cli/public_key.h"

#include <stdbool.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#define PUBLIC_KEY_MAX_BYTES 2048

enum error public_key_read(ProtobufCBinaryData der, BIO *memory, struct bytes *ret_pem,
                           struct failure *failure)
{
    const unsigned char *at = der.data;
    char *pem = NULL;
    EVP_PKEY *key = NULL;
    if (memory == NULL)
        return failure_set_memory(failure);
    if (der.len > 0 && der.len <= PUBLIC_KEY_MAX_BYTES)
        key = d2i_PUBKEY(NULL, &at, (long)der.len);
    const bool is_key =
        key != NULL && at == der.data + der.len && PEM_write_bio_PUBKEY(memory, key) == 1;
    EVP_PKEY_free(key);
    if (!is_key)
        return failure_set_plain(failure, ERR_INTERNAL, "The vault's answer holds no public key");
    const long length = BIO_get_mem_data(memory, &pem);
    *ret_pem = bytes_of(pem, (size_t)length);
    return ERR_OK;
}

enum error public_key_write(struct file_output *output, ProtobufCBinaryData der,
                            struct failure *failure)
{
    struct bytes pem;
    BIO *memory = BIO_new(BIO_s_mem());
    enum error e = public_key_read(der, memory, &pem, failure);
    if (e == ERR_OK)
        e = file_output_commit(output, pem, failure);
    BIO_free(memory);
    return e;
}
