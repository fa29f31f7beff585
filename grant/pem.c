/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* PEM through libcrypto. Owns no state. */
#include "grant/pem.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define LABEL_LINE_MAX 64

/* libcrypto itself skips whatever stands before a block. */
static bool begins_with_label(struct bytes text, const char *label)
{
    char line[LABEL_LINE_MAX];
    int length = snprintf(line, sizeof line, "-----BEGIN %s-----", label);
    return text.length > (size_t)length && memcmp(text.data, line, (size_t)length) == 0;
}

static bool has_only_space(BIO *source)
{
    char *rest = NULL;
    long length = BIO_get_mem_data(source, &rest);
    for (long i = 0; i < length; i++) {
        if (strchr(" \t\r\n", rest[i]) == NULL || rest[i] == '\0')
            return false;
    }
    return true;
}

static bool read_block(BIO *source, uint8_t **ret_der, size_t *ret_length)
{
    char *name = NULL;
    char *header = NULL;
    uint8_t *der = NULL;
    long length = 0;
    if (PEM_read_bio(source, &name, &header, &der, &length) != 1)
        return false;
    bool is_good = header[0] == '\0' && has_only_space(source);
    OPENSSL_free(name);
    OPENSSL_free(header);
    if (!is_good) {
        OPENSSL_free(der);
        return false;
    }
    *ret_der = der;
    *ret_length = (size_t)length;
    return true;
}

bool pem_read(struct bytes text, const char *label, uint8_t **ret_der, size_t *ret_length)
{
    if (text.length > INT_MAX || !begins_with_label(text, label))
        return false;
    BIO *source = BIO_new_mem_buf(text.data, (int)text.length);
    bool is_read = source != NULL && read_block(source, ret_der, ret_length);
    BIO_free(source);
    ERR_clear_error();
    return is_read;
}
