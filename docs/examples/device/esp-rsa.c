/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How a chip opens a license of the profile esp-rsa: esp-rsa KEY LICENSE IMAGE FIRMWARE IV TAG.
 *
 * IV and TAG, in hex, are what GET /v1/images/{digest} says of the image; in Espressif's own file
 * they stand behind the license in the header.
 */
#include <openssl/rsa.h>

#include "recipe.h"

static void read_hex(const char *text, uint8_t out[16])
{
    long length = 0;
    uint8_t *octets = OPENSSL_hexstr2buf(text, &length);
    require(octets != NULL && length == 16, "IV and TAG have 32 hex digits");
    for (int i = 0; i < 16; i++)
        out[i] = octets[i];
    OPENSSL_free(octets);
}

int main(int argc, char **argv)
{
    uint8_t iv[16];
    uint8_t tag[16];
    uint8_t cek[384];
    size_t length = sizeof cek;
    require(argc == 7, "usage: esp-rsa KEY LICENSE IMAGE FIRMWARE IV TAG");
    EVP_PKEY *key = read_key(argv[1]);
    struct octets license = read_file(argv[2], RECIPE_LICENSE_MAX);
    struct octets image = read_file(argv[3], RECIPE_IMAGE_MAX);
    read_hex(argv[5], iv);
    read_hex(argv[6], tag);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    require(EVP_PKEY_decrypt_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
                EVP_PKEY_decrypt(context, cek, &length, license.data, license.length) == 1 &&
                length == 32,
            "it is for another chip");
    EVP_PKEY_CTX_free(context);
    uint8_t *firmware = malloc(image.length + 1);
    require(
        open_gcm(cek, 32, (struct octets){iv, 16}, (struct octets){iv, 0}, image, tag, firmware),
        "the image is another one");
    write_file(argv[4], firmware, image.length);
    return 0;
}
