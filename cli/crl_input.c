/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Blocks are copied, not judged: the vault does that. Owns no state. */
#include "cli/crl_input.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cli/file_input.h"

#define FILE_MAX_BYTES ((size_t)1024 * 1024)

/* What a PEM reader gives; freed by pem_block_free. */
struct pem_block {
    char *name;
    char *header;
    unsigned char *data;
    long length;
};

static void pem_block_free(struct pem_block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_free(block->data);
}

enum error crl_input_new(struct crl_input *ret_input, struct failure *failure)
{
    *ret_input = (struct crl_input){.crls = BIO_new(BIO_s_mem()), .issuers = BIO_new(BIO_s_mem())};
    return ret_input->crls != NULL && ret_input->issuers != NULL ? ERR_OK
                                                                 : failure_set_memory(failure);
}

void crl_input_free(struct crl_input *input)
{
    (void)BIO_free(input->crls);
    (void)BIO_free(input->issuers);
    ERR_clear_error();
}

static enum error fail_foreign(const char *path, struct failure *failure)
{
    return failure_set_plain(failure, ERR_BAD_REQUEST,
                             "%s is no revocation list: PEM (X509 CRL, and CERTIFICATE of CAs) or "
                             "one list in DER",
                             path);
}

static BIO *target_of(const struct crl_input *input, const struct pem_block *block)
{
    if (strcmp(block->name, PEM_STRING_X509_CRL) == 0)
        return input->crls;
    return strcmp(block->name, PEM_STRING_X509) == 0 ? input->issuers : NULL;
}

static enum error add_block(const struct crl_input *input, const struct pem_block *block,
                            const char *path, struct failure *failure)
{
    BIO *target = target_of(input, block);
    if (target == NULL)
        return fail_foreign(path, failure);
    return PEM_write_bio(target, block->name, "", block->data, block->length) > 0
               ? ERR_OK
               : failure_set_memory(failure);
}

static enum error add_pem(const struct crl_input *input, BIO *text, const char *path,
                          struct failure *failure)
{
    struct pem_block block = {0};
    bool is_empty = true;
    enum error e = ERR_OK;
    ERR_clear_error();
    while (e == ERR_OK &&
           PEM_read_bio(text, &block.name, &block.header, &block.data, &block.length) == 1) {
        is_empty = false;
        e = add_block(input, &block, path, failure);
        pem_block_free(&block);
        block = (struct pem_block){0};
    }
    if (e != ERR_OK)
        return e;
    const bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    return is_at_end && !is_empty ? ERR_OK : fail_foreign(path, failure);
}

static enum error add_der(const struct crl_input *input, const uint8_t *data, size_t length,
                          const char *path, struct failure *failure)
{
    const unsigned char *at = data;
    X509_CRL *list = d2i_X509_CRL(NULL, &at, (long)length);
    enum error e = ERR_OK;
    if (list == NULL || at != data + length)
        e = fail_foreign(path, failure);
    else if (PEM_write_bio_X509_CRL(input->crls, list) != 1)
        e = failure_set_memory(failure);
    X509_CRL_free(list);
    return e;
}

enum error crl_input_add(struct crl_input *input, const char *path, struct failure *failure)
{
    static const char mark[] = "-----BEGIN ";
    uint8_t *data = NULL;
    size_t length = 0;
    enum error e = file_input_read_bytes(path, FILE_MAX_BYTES, &data, &length, failure);
    if (e != ERR_OK)
        return e;
    if (memmem(data, length, mark, sizeof mark - 1) == NULL) {
        e = add_der(input, data, length, path, failure);
    } else {
        BIO *text = BIO_new_mem_buf(data, (int)length);
        e = text != NULL ? add_pem(input, text, path, failure) : failure_set_memory(failure);
        (void)BIO_free(text);
    }
    free(data);
    ERR_clear_error();
    return e;
}
