/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* How a device opens a license of the profile jwe: jwe KEY LICENSE IMAGE FIRMWARE. */
#include <string.h>

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "recipe.h"

#define ALGORITHM "ECDH-ES+A256KW"

/* A member of base64url without padding; the text that was read is NULL-terminated. */
static struct octets member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    require(text != NULL && strlen(text) < RECIPE_LICENSE_MAX, name);
    const size_t length = strlen(text);
    char padded[RECIPE_LICENSE_MAX + 4];
    memset(padded, '=', sizeof padded);
    for (size_t i = 0; i < length; i++)
        padded[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
    struct octets out = {malloc(length + 4), length * 3 / 4};
    require(out.data != NULL && EVP_DecodeBlock(out.data, (uint8_t *)padded,
                                                (int)((length + 3) / 4 * 4)) >= (int)out.length,
            name);
    return out;
}

static void put(uint8_t **at, const void *data, size_t length)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *(*at)++ = (uint8_t)(length >> shift);
    memcpy(*at, data, length);
    *at += length;
}

/* Concat KDF (RFC 7518 §4.6.2): algorithm, no apu, apv, 256 bits. */
static void derive_kek(const uint8_t *secret, size_t secret_length, struct octets apv,
                       uint8_t kek[32])
{
    uint8_t info[256];
    uint8_t *at = info;
    require(apv.length == 32, "apv");
    put(&at, ALGORITHM, strlen(ALGORITHM));
    put(&at, "", 0);
    put(&at, apv.data, apv.length);
    memcpy(at, "\x00\x00\x01\x00", 4);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SSKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, secret_length),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, info, (size_t)(at + 4 - info)),
        OSSL_PARAM_END};
    require(EVP_KDF_derive(context, kek, 32, parameters) == 1, "Concat KDF");
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static void open_key(EVP_PKEY *key, const json_t *jwe, uint8_t cek[32])
{
    const json_t *header = json_object_get(jwe, "header");
    const json_t *epk = json_object_get(header, "epk");
    const char *algorithm = json_string_value(json_object_get(header, "alg"));
    uint8_t point[97] = {4};
    uint8_t secret[48];
    uint8_t kek[32];
    const size_t size = (size_t)(EVP_PKEY_get_bits(key) + 7) / 8;
    require(algorithm != NULL && strcmp(algorithm, ALGORITHM) == 0, "alg");
    struct octets x = member(epk, "x");
    struct octets y = member(epk, "y");
    require(x.length == size && y.length == size && size <= 48, "epk is of another curve");
    memcpy(point + 1, x.data, size);
    memcpy(point + 1 + size, y.data, size);
    const size_t length = agree(key, point_key(key, point, 1 + 2 * size), secret, sizeof secret);
    derive_kek(secret, length, member(header, "apv"), kek);
    struct octets wrapped = member(jwe, "encrypted_key");
    require(wrapped.length == 40 && unwrap(kek, 32, wrapped.data, 40, cek),
            "it is for another device");
}

int main(int argc, char **argv)
{
    uint8_t cek[32];
    require(argc == 5, "usage: jwe KEY LICENSE IMAGE FIRMWARE");
    EVP_PKEY *key = read_key(argv[1]);
    struct octets license = read_file(argv[2], RECIPE_LICENSE_MAX);
    struct octets image = read_file(argv[3], RECIPE_IMAGE_MAX);
    json_t *jwe = json_loadb((char *)license.data, license.length, JSON_REJECT_DUPLICATES, NULL);
    const char *protected = json_string_value(json_object_get(jwe, "protected"));
    /* {"enc":"A256GCM"}, as it is encoded: it is the additional data too. */
    require(protected != NULL && strcmp(protected, "eyJlbmMiOiJBMjU2R0NNIn0") == 0, "protected");
    open_key(key, jwe, cek);
    struct octets iv = member(jwe, "iv");
    struct octets tag = member(jwe, "tag");
    uint8_t *firmware = malloc(image.length + 1);
    require(iv.length == 12 && tag.length == 16 &&
                open_gcm(cek, 32, iv, (struct octets){(uint8_t *)protected, strlen(protected)},
                         image, tag.data, firmware),
            "the image is another one");
    write_file(argv[4], firmware, image.length);
    json_decref(jwe);
    return 0;
}
