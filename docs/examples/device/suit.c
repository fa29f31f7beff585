/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How a device opens a license of the profile suit: suit KEY LICENSE IMAGE FIRMWARE.
 *
 * The license has one fixed shape (docs/profiles/suit.md), so a device needs no CBOR library: what
 * is fixed is compared, and what is not is taken from its place.
 */
#include <string.h>

#include <openssl/kdf.h>

#include "recipe.h"

/* Reads on through the license. */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

static void expect(struct reader *reader, const char *fixed, size_t length)
{
    require((size_t)(reader->end - reader->at) >= length && memcmp(reader->at, fixed, length) == 0,
            "its shape");
    reader->at += length;
}
#define EXPECT(reader, fixed) expect((reader), (fixed), sizeof(fixed) - 1)

static const uint8_t *take(struct reader *reader, size_t length)
{
    require((size_t)(reader->end - reader->at) >= length, "its length");
    reader->at += length;
    return reader->at - length;
}

/* How the content is encrypted, by the algorithm's number in the protected header; 0: A128CTR. */
struct content {
    int algorithm;
    size_t key_bytes;
    const uint8_t *iv;
};

static struct content read_content(struct reader *reader)
{
    struct content content = {.key_bytes = 16};
    EXPECT(reader, "\xd8\x60\x84"); /* tag 96, an array of 4 */
    if (*reader->at == 0x40) {      /* A128CTR has no protected header */
        EXPECT(reader, "\x40\xa2\x01\x39\xff\xfd\x05\x50");
        content.iv = take(reader, 16);
        return content;
    }
    EXPECT(reader, "\x43\xa1\x01");
    content.algorithm = *take(reader, 1);
    require(content.algorithm == 1 || content.algorithm == 3, "an unknown cipher");
    content.key_bytes = content.algorithm == 3 ? 32 : 16;
    EXPECT(reader, "\xa1\x05\x4c");
    content.iv = take(reader, 12);
    return content;
}

/* COSE's KDF context names the key wrap twice, and how many bits it wants. */
static const uint8_t INFO_A128KW[] = {0x84, 0x22, 0x83, 0xf6, 0xf6, 0xf6, 0x83, 0xf6, 0xf6, 0xf6,
                                      0x83, 0x18, 0x80, 0x44, 0xa1, 0x01, 0x38, 0x1c, 0x57};
static const uint8_t INFO_A256KW[] = {0x84, 0x24, 0x83, 0xf6, 0xf6, 0xf6, 0x83, 0xf6, 0xf6, 0xf6,
                                      0x83, 0x19, 0x01, 0x00, 0x44, 0xa1, 0x01, 0x38, 0x1e, 0x57};
static const uint8_t INFO_END[] = {'S', 'U', 'I', 'T', ' ', 'P', 'a', 'y', 'l', 'o', 'a', 'd',
                                   ' ', 'E', 'n', 'c', 'r', 'y', 'p', 't', 'i', 'o', 'n'};

/* HKDF-SHA-256 without salt. */
static void derive_kek(const uint8_t *secret, size_t kek_bytes, uint8_t *kek)
{
    const uint8_t *info = kek_bytes == 32 ? INFO_A256KW : INFO_A128KW;
    const int info_bytes = (int)(kek_bytes == 32 ? sizeof INFO_A256KW : sizeof INFO_A128KW);
    EVP_PKEY_CTX *hkdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    require(EVP_PKEY_derive_init(hkdf) == 1 && EVP_PKEY_CTX_set_hkdf_md(hkdf, EVP_sha256()) == 1 &&
                EVP_PKEY_CTX_set1_hkdf_key(hkdf, secret, 32) == 1 &&
                EVP_PKEY_CTX_add1_hkdf_info(hkdf, info, info_bytes) == 1 &&
                EVP_PKEY_CTX_add1_hkdf_info(hkdf, INFO_END, sizeof INFO_END) == 1 &&
                EVP_PKEY_derive(hkdf, kek, &kek_bytes) == 1,
            "HKDF");
    EVP_PKEY_CTX_free(hkdf);
}

/* The session key. */
static void open_recipient(struct reader *reader, EVP_PKEY *key, size_t key_bytes, uint8_t *cek)
{
    uint8_t point[65] = {4};
    uint8_t secret[32];
    uint8_t kek[32];
    EXPECT(reader, "\xf6\x81\x83\x44\xa1\x01\x38"); /* detached, one recipient */
    const uint8_t algorithm = *take(reader, 1);
    require(algorithm == 0x1c || algorithm == 0x1e, "an unknown key wrap");
    EXPECT(reader, "\xa1\x20\xa4\x01\x02\x20\x01\x21\x58\x20");
    memcpy(point + 1, take(reader, 32), 32);
    EXPECT(reader, "\x22\x58\x20");
    memcpy(point + 33, take(reader, 32), 32);
    require(agree(key, point_key(key, point, sizeof point), secret, sizeof secret) == 32, "ECDH");
    const size_t kek_bytes = algorithm == 0x1e ? 32 : 16;
    derive_kek(secret, kek_bytes, kek);
    EXPECT(reader, "\x58");
    require(*take(reader, 1) == key_bytes + 8, "the length of the key");
    require(unwrap(kek, kek_bytes, take(reader, key_bytes + 8), key_bytes + 8, cek),
            "it is for another device");
    require(reader->at == reader->end, "bytes behind it");
}

int main(int argc, char **argv)
{
    require(argc == 5, "usage: suit KEY LICENSE IMAGE FIRMWARE");
    EVP_PKEY *key = read_key(argv[1]);
    struct octets license = read_file(argv[2], RECIPE_LICENSE_MAX);
    struct octets image = read_file(argv[3], RECIPE_IMAGE_MAX);
    struct reader reader = {license.data, license.data + license.length};
    uint8_t cek[32];
    require(license.length > 4, "its length");
    const struct content content = read_content(&reader);
    open_recipient(&reader, key, content.key_bytes, cek);
    uint8_t *firmware = malloc(image.length + 1);
    if (content.algorithm == 0) {
        open_ctr(cek, 16, content.iv, image.data, image.length, firmware);
    } else {
        /* ["Encrypt", the protected header, h'']; the image ends with its tag. */
        uint8_t aad[] = "\x83\x67"
                        "Encrypt"
                        "\x43\xa1\x01?\x40";
        aad[12] = (uint8_t)content.algorithm;
        require(image.length >= 16, "the image is cut off");
        image.length -= 16;
        require(open_gcm(cek, content.key_bytes, (struct octets){(uint8_t *)content.iv, 12},
                         (struct octets){aad, sizeof aad - 1}, image, image.data + image.length,
                         firmware),
                "the image is another one");
    }
    write_file(argv[4], firmware, image.length);
    return 0;
}
