/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* CMS_decrypt over the detached image. */
#include "e2e/opener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "core/bytes.h"

#define LICENSE_MAX 8192
#define FILE_MAX    ((size_t)4 * 1024 * 1024)

struct content {
    uint8_t *data;
    size_t length;
};

struct opener {
    struct content image;
    struct content firmware;
};

static struct content read_file(const char *path)
{
    struct content content = {.data = malloc(FILE_MAX)};
    ck_assert_ptr_nonnull(content.data);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    content.length = fread(content.data, 1, FILE_MAX, file);
    ck_assert_uint_lt(content.length, FILE_MAX);
    (void)fclose(file);
    return content;
}

struct opener *opener_new(const struct rig *rig)
{
    struct opener *opener = calloc(1, sizeof *opener);
    ck_assert_ptr_nonnull(opener);
    opener->image = read_file(rig->image_file);
    opener->firmware = read_file(rig->firmware);
    return opener;
}

void opener_free(struct opener *opener)
{
    if (opener == NULL)
        return;
    free(opener->image.data);
    free(opener->firmware.data);
    free(opener);
}

static bool is_firmware(const struct opener *opener, BIO *clear)
{
    char *data = NULL;
    long length = BIO_get_mem_data(clear, &data);
    return length == (long)opener->firmware.length &&
           memcmp(data, opener->firmware.data, opener->firmware.length) == 0;
}

static bool decrypt(struct opener *opener, CMS_ContentInfo *cms, EVP_PKEY *key, X509 *certificate)
{
    BIO *cipher = BIO_new_mem_buf(opener->image.data, (int)opener->image.length);
    BIO *clear = BIO_new(BIO_s_mem());
    bool is_open = CMS_decrypt(cms, key, certificate, cipher, clear, CMS_BINARY) == 1 &&
                   is_firmware(opener, clear);
    BIO_free(cipher);
    BIO_free(clear);
    return is_open;
}

bool opener_opens(struct opener *opener, const char *license_base64, const struct pki *device)
{
    uint8_t license[LICENSE_MAX];
    const uint8_t *at = license;
    size_t length = 0;
    if (base64_decode(license_base64, license, sizeof license, &length) != ERR_OK)
        return false;
    BIO *key_text = BIO_new_mem_buf(pki_key(device), -1);
    BIO *certificate_text = BIO_new_mem_buf(pki_certificate(device), -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_text, NULL, NULL, NULL);
    X509 *certificate = PEM_read_bio_X509(certificate_text, NULL, NULL, NULL);
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)length);
    bool is_open = cms != NULL && decrypt(opener, cms, key, certificate);
    CMS_ContentInfo_free(cms);
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(certificate_text);
    BIO_free(key_text);
    ERR_clear_error();
    return is_open;
}
