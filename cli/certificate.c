/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Validity and usage of a certificate through libcrypto. Owns no state. */
#include "cli/certificate.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "cli/text.h"

static X509 *read_first(const char *pem)
{
    BIO *memory = BIO_new_mem_buf(pem, -1);
    X509 *certificate = memory != NULL ? PEM_read_bio_X509(memory, NULL, NULL, NULL) : NULL;
    BIO_free(memory);
    return certificate;
}

/* A usage that the certificate does not speak of is allowed. */
static bool is_for_clients(X509 *certificate)
{
    uint32_t usage = X509_get_extended_key_usage(certificate);
    return usage == UINT32_MAX || (usage & (XKU_SSL_CLIENT | XKU_ANYEKU)) != 0;
}

static bool may_sign(X509 *certificate)
{
    uint32_t usage = X509_get_key_usage(certificate);
    return usage == UINT32_MAX || (usage & KU_DIGITAL_SIGNATURE) != 0;
}

size_t certificate_complain(const char *pem, const char *ret_complaints[CERTIFICATE_COMPLAINTS_MAX])
{
    size_t count = 0;
    X509 *certificate = read_first(pem);
    if (certificate == NULL)
        return 0;
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        ret_complaints[count++] = "it is expired";
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        ret_complaints[count++] = "it is not yet valid; is this machine's clock right?";
    if (!is_for_clients(certificate))
        ret_complaints[count++] = "its extended key usage is without clientAuth";
    if (!may_sign(certificate))
        ret_complaints[count++] = "its key usage is without digitalSignature";
    X509_free(certificate);
    return count;
}

/* It is added all the same: it may be renewed with the same key, or the clock be wrong. */
void certificate_warn(const char *path, const char *pem)
{
    const char *complaints[CERTIFICATE_COMPLAINTS_MAX];
    char escaped[PATH_MAX];
    size_t count = certificate_complain(pem, complaints);
    text_escape(path, escaped, sizeof escaped);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(stderr, "provctl: warning: nobody can connect with the certificate %s: %s\n",
                      escaped, complaints[i]);
}

bool certificate_file_cannot_sign(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) /* a pipe can be read once */
        return false;
    BIO *file = BIO_new_file(path, "r");
    X509 *certificate = file != NULL ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
    const bool cannot = certificate != NULL && !may_sign(certificate);
    X509_free(certificate);
    BIO_free(file);
    return cannot;
}
