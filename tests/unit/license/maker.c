/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* See maker.h. Plays the HSM with libcrypto. Owns no state. */
#include "maker.h"

#include <string.h>

#include <check.h>
#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>

#include "core/clock.h"

#define WRAPPED_BYTES (MAKER_CEK_BYTES + 8)
#define POINT_BYTES   65
#define SECRET_BYTES  32

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
        .device_spki = device->spki,
        .device_serial = device->serial,
        .device_issuer = bytes_of(device->issuer, device->issuer_length),
        .certificate_serial =
            bytes_of(device->certificate_serial, device->certificate_serial_length),
        .content_iv = bytes_of(image->iv, MAKER_IV_BYTES),
        .content_tag = bytes_of(image->tag, MAKER_TAG_BYTES)};
}

static EVP_PKEY *public_key(const struct device *device)
{
    EVP_PKEY *key = EVP_PKEY_new();
    ck_assert_int_eq(EVP_PKEY_set_type_str(key, "EC", -1), 1);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"P-256"}, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)device->point,
                                device->point_length),
        OSSL_PARAM_END};
    EVP_PKEY_free(key);
    key = NULL;
    ck_assert_int_eq(EVP_PKEY_fromdata_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* ECDH and the X9.63 KDF: the KEK that license/ asks for. */
static void derive_kek(EVP_PKEY *ephemeral, EVP_PKEY *peer,
                       const struct license_agreement *agreement, uint8_t *ret_kek)
{
    uint8_t secret[SECRET_BYTES];
    size_t length = sizeof secret;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(ephemeral, NULL);
    ck_assert_int_eq(EVP_PKEY_derive_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_derive_set_peer(context, peer), 1);
    ck_assert_int_eq(EVP_PKEY_derive(context, secret, &length), 1);
    EVP_PKEY_CTX_free(context);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "X963KDF", NULL);
    EVP_KDF_CTX *derive = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM parameters[] = {OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
                               OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, secret, length),
                               OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO,
                                                       (void *)(uintptr_t)agreement->shared_info,
                                                       agreement->shared_info_length),
                               OSSL_PARAM_END};
    ck_assert_int_eq(EVP_KDF_derive(derive, ret_kek, agreement->kek_bytes, parameters), 1);
    EVP_KDF_CTX_free(derive);
    EVP_KDF_free(kdf);
}

static void wrap_key(const uint8_t *kek, const uint8_t *cek, uint8_t out[WRAPPED_BYTES])
{
    int length = 0;
    EVP_CIPHER_CTX *wrap = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX_set_flags(wrap, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    ck_assert_int_eq(EVP_EncryptInit_ex(wrap, EVP_aes_256_wrap(), NULL, kek, NULL), 1);
    ck_assert_int_eq(EVP_EncryptUpdate(wrap, out, &length, cek, MAKER_CEK_BYTES), 1);
    ck_assert_int_eq(length, WRAPPED_BYTES);
    EVP_CIPHER_CTX_free(wrap);
}

struct license maker_license(const struct license_subject *subject, const struct device *device,
                             const struct maker_image *image)
{
    struct license_agreement agreement;
    struct license license = {0};
    uint8_t kek[32];
    uint8_t wrapped[WRAPPED_BYTES];
    uint8_t point[POINT_BYTES];
    size_t length = 0;
    const struct license_profile *cms = license_profile_find("cms");
    ck_assert_int_eq(license_agreement(cms, subject, &agreement), ERR_OK);
    EVP_PKEY *ephemeral = EVP_EC_gen("P-256");
    EVP_PKEY *peer = public_key(device);
    ck_assert_int_eq(EVP_PKEY_get_octet_string_param(ephemeral, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                                     point, sizeof point, &length),
                     1);
    derive_kek(ephemeral, peer, &agreement, kek);
    wrap_key(kek, image->cek, wrapped);
    EVP_PKEY_free(ephemeral);
    EVP_PKEY_free(peer);
    struct license_wrapped parts = {bytes_of(point, length), bytes_of(wrapped, sizeof wrapped)};
    ck_assert_int_eq(license_encode(cms, subject, &parts, &license), ERR_OK);
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
