/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Hex, base64, random bytes and identifiers over libcrypto. Owns no state. */
#include "core/bytes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

static const char IMAGE_PREFIX[] = "sha256:";
#define UUID_TEXT_LENGTH 36
#define UUID_VERSION     7
#define UUID_VARIANT     2 /* binary 10 */

struct bytes bytes_of(const void *data, size_t length)
{
    return (struct bytes){.data = data, .length = length};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool sha256_equal(const struct sha256 *a, const struct sha256 *b)
{
    return memcmp(a->bytes, b->bytes, SHA256_SIZE) == 0;
}

void hex_encode(struct bytes data, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < data.length; i++) {
        *out++ = digits[data.data[i] >> 4];
        *out++ = digits[data.data[i] & 15];
    }
    *out = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static bool hex_is_valid(const char *text, size_t digits)
{
    if (strnlen(text, digits + 1) != digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (hex_value(text[i]) < 0)
            return false;
    }
    return true;
}

bool hex_decode(const char *text, uint8_t *out, size_t length)
{
    if (!hex_is_valid(text, 2 * length))
        return false;
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(hex_value(text[2 * i]) * 16 + hex_value(text[2 * i + 1]));
    return true;
}

void image_reference_format(const struct sha256 *digest, char out[IMAGE_REFERENCE_SIZE])
{
    memcpy(out, IMAGE_PREFIX, sizeof IMAGE_PREFIX - 1);
    hex_encode(bytes_of(digest->bytes, SHA256_SIZE), out + sizeof IMAGE_PREFIX - 1);
}

bool image_reference_parse(const char *text, struct sha256 *ret_digest)
{
    if (strncmp(text, IMAGE_PREFIX, sizeof IMAGE_PREFIX - 1) != 0)
        return false;
    return hex_decode(text + sizeof IMAGE_PREFIX - 1, ret_digest->bytes, SHA256_SIZE);
}

enum error base64_encode(struct bytes data, char **ret_text)
{
    if (data.length > (size_t)INT32_MAX / 2)
        return ERR_TOO_LARGE;
    char *text = malloc(4 * ((data.length + 2) / 3) + 1);
    if (text == NULL)
        return ERR_INTERNAL;
    EVP_EncodeBlock((unsigned char *)text, data.data, (int)data.length);
    *ret_text = text;
    return ERR_OK;
}

enum error base64url_encode(struct bytes data, char **ret_text)
{
    char *text = NULL;
    enum error e = base64_encode(data, &text);
    if (e != ERR_OK)
        return e;
    text[strcspn(text, "=")] = '\0';
    for (char *at = text; *at != '\0'; at++) {
        if (*at == '+')
            *at = '-';
        else if (*at == '/')
            *at = '_';
    }
    *ret_text = text;
    return ERR_OK;
}

static const char BASE64_ALPHABET[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The bits of the last digit that no byte takes are zero: one text for one value. */
static bool base64_end_is_canonical(char last, size_t padding)
{
    ptrdiff_t value = strchr(BASE64_ALPHABET, last) - BASE64_ALPHABET;
    return (value & (padding == 2 ? 15 : 3)) == 0;
}

/* EVP_DecodeBlock forgives white space at the ends and misplaced padding; a strict reader does not.
 */
static bool base64_is_strict(const char *text, size_t length, size_t *ret_padding)
{
    if (length % 4 != 0)
        return false;
    size_t body = strspn(text, BASE64_ALPHABET);
    *ret_padding = length - body;
    if (*ret_padding > 2 || strspn(text + body, "=") != *ret_padding)
        return false;
    return *ret_padding == 0 || base64_end_is_canonical(text[body - 1], *ret_padding);
}

enum error base64_decode(const char *text, uint8_t *out, size_t max, size_t *ret_length)
{
    size_t length = strlen(text);
    size_t padding = 0;
    if (length / 4 > max / 3 + 1)
        return ERR_TOO_LARGE;
    if (!base64_is_strict(text, length, &padding))
        return ERR_BAD_REQUEST;
    size_t decoded = length / 4 * 3;
    if (decoded - padding > max)
        return ERR_TOO_LARGE;
    uint8_t *block = malloc(decoded + 1);
    if (block == NULL)
        return ERR_INTERNAL;
    EVP_DecodeBlock(block, (const unsigned char *)text, (int)length);
    memcpy(out, block, decoded - padding);
    free(block);
    *ret_length = decoded - padding;
    return ERR_OK;
}

void random_fill(void *out, size_t length)
{
    assert(length <= INT32_MAX);
    if (RAND_bytes(out, (int)length) != 1)
        abort();
}

struct uuid uuid_new(int64_t unix_ms)
{
    struct uuid id;
    random_fill(id.bytes, sizeof id.bytes);
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)((uint64_t)unix_ms >> (40 - 8 * i));
    id.bytes[6] = (uint8_t)(UUID_VERSION << 4 | (id.bytes[6] & 0x0f));
    id.bytes[8] = (uint8_t)(UUID_VARIANT << 6 | (id.bytes[8] & 0x3f));
    return id;
}

void uuid_format(const struct uuid *id, const char *prefix, char *out, size_t size)
{
    char hex[2 * UUID_SIZE + 1];
    assert(size > strlen(prefix) + UUID_TEXT_LENGTH);
    hex_encode(bytes_of(id->bytes, UUID_SIZE), hex);
    (void)snprintf(out, size, "%s%.8s-%.4s-%.4s-%.4s-%.12s", prefix, hex, hex + 8, hex + 12,
                   hex + 16, hex + 20);
}

bool uuid_parse(const char *text, const char *prefix, struct uuid *ret_id)
{
    size_t skip = strlen(prefix);
    char hex[2 * UUID_SIZE + 1];
    struct uuid id;
    if (strncmp(text, prefix, skip) != 0)
        return false;
    text += skip;
    if (strnlen(text, UUID_TEXT_LENGTH + 1) != UUID_TEXT_LENGTH || text[8] != '-' ||
        text[13] != '-' || text[18] != '-' || text[23] != '-')
        return false;
    (void)snprintf(hex, sizeof hex, "%.8s%.4s%.4s%.4s%.12s", text, text + 9, text + 14, text + 19,
                   text + 24);
    if (!hex_decode(hex, id.bytes, UUID_SIZE) || id.bytes[6] >> 4 != UUID_VERSION ||
        id.bytes[8] >> 6 != UUID_VARIANT)
        return false;
    *ret_id = id;
    return true;
}

bool name_is_valid(const char *text, size_t max)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strnlen(text, max + 1);
    return length > 0 && length <= max && strspn(text, allowed) == length && text[0] != '.' &&
           text[0] != '_' && text[0] != '-';
}
