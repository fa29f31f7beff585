/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How a device opens a license of the profile mcuboot: mcuboot KEY LICENSE PAYLOAD CLEAR
 * [--sha512].
 *
 * The license is the body of the encryption TLV; MCUboot does the same when its hook
 * boot_enc_retrieve_private_key() gives it the device's own key. PAYLOAD is the encrypted part of
 * the image alone: image hash and signature, which cover the clear one, must be checked after it.
 */
#include <string.h>

#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rsa.h>

#include "recipe.h"

static void derive(const EVP_MD *digest, const uint8_t *secret, uint8_t *out, size_t length)
{
    EVP_PKEY_CTX *hkdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    require(EVP_PKEY_derive_init(hkdf) == 1 && EVP_PKEY_CTX_set_hkdf_md(hkdf, digest) == 1 &&
                EVP_PKEY_CTX_set1_hkdf_key(hkdf, secret, 32) == 1 &&
                EVP_PKEY_CTX_add1_hkdf_info(hkdf, (const uint8_t *)"MCUBoot_ECIES_v1", 16) == 1 &&
                EVP_PKEY_derive(hkdf, out, &length) == 1,
            "HKDF");
    EVP_PKEY_CTX_free(hkdf);
}

static EVP_PKEY *ephemeral_of(EVP_PKEY *key, struct octets license, size_t *ret_length)
{
    const bool is_x25519 = EVP_PKEY_get_base_id(key) == EVP_PKEY_X25519;
    *ret_length = is_x25519 ? 32 : 65;
    require(license.length > *ret_length, "its length");
    return is_x25519 ? EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, license.data, 32)
                     : point_key(key, license.data, 65);
}

/* Ephemeral key, HMAC, encrypted session key; its length. */
static size_t open_ecies(EVP_PKEY *key, struct octets license, bool is_sha512, uint8_t *cek)
{
    static const uint8_t zeros[16];
    const EVP_MD *digest = is_sha512 ? EVP_sha512() : EVP_sha256();
    const size_t mac_bytes = is_sha512 ? 64 : 32;
    uint8_t secret[32];
    uint8_t material[32 + 64];
    uint8_t mac[64];
    size_t point_bytes = 0;
    EVP_PKEY *ephemeral = ephemeral_of(key, license, &point_bytes);
    require(license.length > point_bytes + mac_bytes, "its length");
    const size_t key_bytes = license.length - point_bytes - mac_bytes;
    require(key_bytes == 16 || key_bytes == 32, "its length");
    require(agree(key, ephemeral, secret, sizeof secret) == 32, "ECDH");
    derive(digest, secret, material, key_bytes + mac_bytes);
    const uint8_t *encrypted = license.data + point_bytes + mac_bytes;
    HMAC(digest, material + key_bytes, (int)mac_bytes, encrypted, key_bytes, mac, NULL);
    require(CRYPTO_memcmp(mac, license.data + point_bytes, mac_bytes) == 0,
            "it is for another device");
    open_ctr(material, key_bytes, zeros, encrypted, key_bytes, cek);
    return key_bytes;
}

static size_t open_rsa(EVP_PKEY *key, struct octets license, uint8_t *cek)
{
    uint8_t out[256];
    size_t length = sizeof out;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    require(EVP_PKEY_decrypt_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 &&
                EVP_PKEY_decrypt(context, out, &length, license.data, license.length) == 1 &&
                (length == 16 || length == 32),
            "it is for another device");
    memcpy(cek, out, length);
    EVP_PKEY_CTX_free(context);
    return length;
}

int main(int argc, char **argv)
{
    static const uint8_t zeros[16];
    const bool is_sha512 = argc == 6 && strcmp(argv[5], "--sha512") == 0;
    require(argc == 5 || is_sha512, "usage: mcuboot KEY LICENSE PAYLOAD CLEAR [--sha512]");
    EVP_PKEY *key = read_key(argv[1]);
    struct octets license = read_file(argv[2], RECIPE_LICENSE_MAX);
    struct octets payload = read_file(argv[3], RECIPE_IMAGE_MAX);
    uint8_t cek[32];
    const size_t key_bytes = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA
                                 ? open_rsa(key, license, cek)
                                 : open_ecies(key, license, is_sha512, cek);
    uint8_t *clear = malloc(payload.length + 1);
    open_ctr(cek, key_bytes, zeros, payload.data, payload.length, clear);
    write_file(argv[4], clear, payload.length);
    return 0;
}
