/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a certificate says of its holder. Owns no state. */
#include "grant/authority_x509.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>

/* "CN=Officer 1, O=Maker", in the order of the certificate. */
#define NAME_FLAGS                                                                   \
    ((ASN1_STRFLGS_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) | XN_FLAG_FN_SN | \
     XN_FLAG_SEP_CPLUS_SPC)

bool certificate_key(X509 *certificate, struct sha256 *ret_key)
{
    uint8_t *der = NULL;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (length <= 0)
        return false;
    *ret_key = sha256_of(bytes_of(der, (size_t)length));
    OPENSSL_free(der);
    return true;
}

/* Where the last whole character of UTF-8 ends. */
static size_t whole_characters(const char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return 0;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return length - (start - 1) >= wanted ? length : start - 1;
}

void certificate_name(const X509_NAME *name, char out[AUTHORITY_NAME_SIZE])
{
    BIO *memory = BIO_new(BIO_s_mem());
    int length = 0;
    if (memory != NULL && X509_NAME_print_ex(memory, name, 0, NAME_FLAGS) >= 0)
        length = BIO_read(memory, out, AUTHORITY_NAME_SIZE - 1);
    out[length > 0 ? whole_characters(out, (size_t)length) : 0] = '\0';
    BIO_free(memory);
    ERR_clear_error();
}
