/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* See maker.h. Plays the HSM with libcrypto. Owns no state. */
#include "maker.h"

#include <string.h>

#include <check.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/clock.h"
#include "player.h"

void maker_encrypt(struct maker_image *ret_image)
{
    int length = 0;
    random_fill(ret_image, sizeof *ret_image);
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    ck_assert_int_eq(
        EVP_EncryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, ret_image->cek, ret_image->iv), 1);
    ck_assert_int_eq(EVP_EncryptUpdate(gcm, ret_image->ciphertext, &length, ret_image->firmware,
                                       MAKER_IMAGE_BYTES),
                     1);
    ck_assert_int_eq(EVP_EncryptFinal_ex(gcm, ret_image->ciphertext + length, &length), 1);
    ck_assert_int_eq(
        EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, MAKER_TAG_BYTES, ret_image->tag), 1);
    EVP_CIPHER_CTX_free(gcm);
    ret_image->digest = sha256_of(bytes_of(ret_image->ciphertext, MAKER_IMAGE_BYTES));
}

struct device maker_device(const struct pki *issuer, const struct pki *pki)
{
    struct device device;
    struct device_anchors *anchors = NULL;
    const char *root = pki_certificate(issuer);
    const char *pem = pki_certificate(pki);
    ck_assert_int_eq(device_anchors_new(bytes_of(root, strlen(root)), &anchors, NULL), ERR_OK);
    ck_assert_int_eq(
        device_check(anchors, bytes_of(pem, strlen(pem)), clock_unix_ms(), &device, NULL), ERR_OK);
    device_anchors_free(anchors);
    return device;
}

struct license_subject maker_subject(const struct device *device, const struct maker_image *image)
{
    return (struct license_subject){
        .product = "gateway",
        .image = image->digest,
        .device_key = LICENSE_P256,
        .content = license_content_find(license_profile_find("cms"), ""),
        .device_spki = device->spki,
        .device_serial = device->serial,
        .device_issuer = bytes_of(device->issuer, device->issuer_length),
        .certificate_serial =
            bytes_of(device->certificate_serial, device->certificate_serial_length),
        .content_iv = bytes_of(image->iv, MAKER_IV_BYTES),
        .content_tag = bytes_of(image->tag, MAKER_TAG_BYTES)};
}

/* Of the certificate: device/ may not know this kind of key. */
static EVP_PKEY *public_key(const struct pki *pki)
{
    BIO *text = BIO_new_mem_buf(pki_certificate(pki), -1);
    X509 *x509 = PEM_read_bio_X509(text, NULL, NULL, NULL);
    EVP_PKEY *key = X509_get_pubkey(x509);
    ck_assert_ptr_nonnull(key);
    X509_free(x509);
    BIO_free(text);
    return key;
}

struct license maker_license(const struct license_subject *subject, const struct pki *pki,
                             const struct maker_image *image)
{
    struct license_agreement agreement;
    struct license license = {0};
    struct player_wrapped wrapped;
    const struct license_profile *cms = license_profile_find("cms");
    ck_assert_int_eq(license_agreement(cms, subject, &agreement), ERR_OK);
    EVP_PKEY *peer = public_key(pki);
    player_wrap(&agreement, peer, bytes_of(image->cek, MAKER_CEK_BYTES), LICENSE_SHA256, &wrapped);
    EVP_PKEY_free(peer);
    ck_assert_int_eq(license_encode(cms, subject, &wrapped.parts, &license), ERR_OK);
    return license;
}

bool maker_open(struct bytes license, const struct pki *pki, const struct maker_image *image,
                uint8_t ret_firmware[MAKER_IMAGE_BYTES])
{
    const unsigned char *p = license.data;
    BIO *key_text = BIO_new_mem_buf(pki_key(pki), -1);
    BIO *certificate_text = BIO_new_mem_buf(pki_certificate(pki), -1);
    BIO *content = BIO_new_mem_buf(image->ciphertext, MAKER_IMAGE_BYTES);
    BIO *out = BIO_new(BIO_s_mem());
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_text, NULL, NULL, NULL);
    X509 *x509 = PEM_read_bio_X509(certificate_text, NULL, NULL, NULL);
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)license.length);
    bool is_open = cms != NULL && CMS_decrypt(cms, key, x509, content, out, CMS_BINARY) == 1 &&
                   BIO_read(out, ret_firmware, MAKER_IMAGE_BYTES) == MAKER_IMAGE_BYTES;
    CMS_ContentInfo_free(cms);
    X509_free(x509);
    EVP_PKEY_free(key);
    BIO_free(out);
    BIO_free(content);
    BIO_free(certificate_text);
    BIO_free(key_text);
    ERR_clear_error();
    return is_open;
}
