/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* AES-128-GCM over the parts of an image. Owns no state. */
#include "support/st_sfi.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/evp.h>

#define TAG_BYTES         16
#define HEADER_BYTES      12 /* without its tag */
#define AREA_HEADER_BYTES 14 /* likewise */

static uint32_t u32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* The nonce plus n, as a 96-bit big-endian number that wraps. */
static void iv_of(const uint8_t *nonce, uint32_t n, uint8_t out[ST_SFI_NONCE_BYTES])
{
    uint64_t carry = n;
    for (int i = ST_SFI_NONCE_BYTES - 1; i >= 0; i--) {
        carry += nonce[i];
        out[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

/* One message in either direction; length bytes from in to out. */
static EVP_CIPHER_CTX *message(const uint8_t *key, const uint8_t *iv, struct bytes aad,
                               struct bytes in, uint8_t *out, bool is_sealing)
{
    int n = 0;
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    ck_assert_int_eq(EVP_CipherInit_ex2(gcm, EVP_aes_128_gcm(), key, iv, is_sealing, NULL), 1);
    ck_assert_int_eq(EVP_CipherUpdate(gcm, NULL, &n, aad.data, (int)aad.length), 1);
    if (in.length > 0)
        ck_assert_int_eq(EVP_CipherUpdate(gcm, out, &n, in.data, (int)in.length), 1);
    return gcm;
}

/* ---- the HSM ---- */

struct st_sfi_text st_sfi_encrypt_records(struct bytes records, const uint8_t key[ST_SFI_KEY_BYTES],
                                          const uint8_t nonce[ST_SFI_NONCE_BYTES])
{
    /* The two lengths of a record take less than its tag. */
    struct st_sfi_text image = {malloc(3 * records.length + 1), 0};
    uint32_t n = 0;
    for (size_t at = 0; at < records.length; n++) {
        uint8_t iv[ST_SFI_NONCE_BYTES];
        int end = 0;
        ck_assert_uint_ge(records.length - at, 8);
        uint32_t aad = u32(records.data + at);
        uint32_t text = u32(records.data + at + 4);
        ck_assert(aad >= 1 && aad <= 64 && text <= 1024 * 1024 && n <= 65535);
        ck_assert_uint_ge(records.length - at - 8, (size_t)aad + text);
        const uint8_t *head = records.data + at + 8;
        uint8_t *out = image.data + image.length;
        iv_of(nonce, n, iv);
        memcpy(out, head, aad);
        EVP_CIPHER_CTX *gcm = message(key, iv, bytes_of(head, aad), bytes_of(head + aad, text),
                                      out + aad + TAG_BYTES, true);
        ck_assert_int_eq(EVP_CipherFinal_ex(gcm, out + aad + TAG_BYTES + text, &end), 1);
        ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, out + aad), 1);
        EVP_CIPHER_CTX_free(gcm);
        at += 8 + (size_t)aad + text;
        image.length += (size_t)aad + TAG_BYTES + text;
    }
    return image;
}

/* ---- the chip ---- */

struct chip {
    const uint8_t *key;
    const uint8_t *nonce;
    struct bytes left; /* of the image */
    uint32_t index;    /* of the next part */
};

/* Takes additional data, tag and text of the next part. */
static bool next_part(struct chip *chip, size_t aad, size_t text, uint8_t *out)
{
    uint8_t iv[ST_SFI_NONCE_BYTES];
    uint8_t tag[TAG_BYTES];
    int end = 0;
    if (chip->left.length < aad + TAG_BYTES || chip->left.length - aad - TAG_BYTES < text)
        return false;
    const uint8_t *head = chip->left.data;
    memcpy(tag, head + aad, TAG_BYTES);
    iv_of(chip->nonce, chip->index++, iv);
    EVP_CIPHER_CTX *gcm = message(chip->key, iv, bytes_of(head, aad),
                                  bytes_of(head + aad + TAG_BYTES, text), out, false);
    ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag), 1);
    bool is_authentic = EVP_CipherFinal_ex(gcm, out + text, &end) == 1;
    EVP_CIPHER_CTX_free(gcm);
    size_t taken = aad + TAG_BYTES + text;
    chip->left = bytes_of(head + taken, chip->left.length - taken);
    return is_authentic;
}

static bool open_area(struct chip *chip, uint8_t *text, struct st_sfi_part *ret_part)
{
    if (chip->left.length < AREA_HEADER_BYTES)
        return false;
    const uint8_t *head = chip->left.data;
    uint32_t size = u32(head + 4);
    if (size > chip->left.length || !next_part(chip, AREA_HEADER_BYTES, size, text))
        return false;
    *ret_part = (struct st_sfi_part){head[0], u32(head + 8), bytes_of(text, size)};
    return true;
}

static bool open_parts(struct chip *chip, struct st_sfi_opened *opened)
{
    uint8_t *text = opened->text;
    if (chip->left.length < HEADER_BYTES || memcmp(chip->left.data, "SFIMAGIC", 8) != 0)
        return false;
    opened->count = chip->left.data[10] | (size_t)chip->left.data[11] << 8;
    opened->parts = calloc(opened->count + 1, sizeof *opened->parts);
    if (!next_part(chip, HEADER_BYTES, 0, text))
        return false;
    for (size_t i = 0; i < opened->count; i++) {
        if (!open_area(chip, text, &opened->parts[i]))
            return false;
        text += opened->parts[i].content.length;
    }
    return chip->left.length == 0;
}

bool st_sfi_open(struct bytes image, const uint8_t key[ST_SFI_KEY_BYTES],
                 const uint8_t nonce[ST_SFI_NONCE_BYTES], struct st_sfi_opened *ret_opened)
{
    struct chip chip = {key, nonce, image, 0};
    struct st_sfi_opened opened = {.text = malloc(image.length + 1)};
    if (!open_parts(&chip, &opened)) {
        st_sfi_opened_clear(&opened);
        return false;
    }
    *ret_opened = opened;
    return true;
}

void st_sfi_opened_clear(struct st_sfi_opened *opened)
{
    free(opened->parts);
    free(opened->text);
    *opened = (struct st_sfi_opened){0};
}
