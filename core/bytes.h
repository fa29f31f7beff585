/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Small byte values: views, buffers with a fixed capacity, SHA-256 digests, hex and base64.
 *
 * A view borrows; whoever made the bytes keeps them. Decoders are strict: they accept exactly the
 * form that the encoders write, and say no to anything else. Threads: pure functions.
 */
#ifndef CORE_BYTES_H
#define CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define SHA256_SIZE          32
#define SHA256_HEX_SIZE      65 /* 64 digits and NUL */
#define IMAGE_REFERENCE_SIZE 72 /* "sha256:", 64 digits, NUL */
#define UUID_SIZE            16

/* Borrowed bytes. data may be NULL when length is 0. */
struct bytes {
    const uint8_t *data;
    size_t length;
};

struct sha256 {
    uint8_t bytes[SHA256_SIZE];
};

struct uuid {
    uint8_t bytes[UUID_SIZE];
};

struct bytes bytes_of(const void *data, size_t length);
bool bytes_equal(struct bytes a, struct bytes b);

/* SHA-256 of data. Aborts only when libcrypto itself cannot work. */
struct sha256 sha256_of(struct bytes data);
/* Of the parts behind each other. */
struct sha256 sha256_of_parts(const struct bytes *parts, size_t count);
bool sha256_equal(const struct sha256 *a, const struct sha256 *b);

/* Lower-case hex with a NUL; out holds 2 * data.length + 1 bytes. */
void hex_encode(struct bytes data, char *out);
/* False unless text is exactly 2 * length lower-case digits. out is untouched on failure. */
bool hex_decode(const char *text, uint8_t *out, size_t length);

/* Writes "sha256:<64 hex>" with a NUL. */
void image_reference_format(const struct sha256 *digest, char out[IMAGE_REFERENCE_SIZE]);
/* False unless text is exactly that form. */
bool image_reference_parse(const char *text, struct sha256 *ret_digest);

/* Standard base64 with padding, no line breaks; the caller frees *ret_text. */
enum error base64_encode(struct bytes data, char **ret_text) MUST_USE;
/*
 * The reverse, strict: no white space, padding where it belongs. At most max bytes (ERR_TOO_LARGE),
 * anything else wrong is ERR_BAD_REQUEST. out holds max bytes.
 */
enum error base64_decode(const char *text, uint8_t *out, size_t max, size_t *ret_length) MUST_USE;

/* base64url without padding (RFC 4648 §5, RFC 7515 §2); the caller frees *ret_text. */
enum error base64url_encode(struct bytes data, char **ret_text) MUST_USE;

/* A random buffer from libcrypto's generator; aborts only when that generator cannot work. */
void random_fill(void *out, size_t length);

/*
 * A new UUID version 7 (RFC 9562 §5.7) for the given wall time: sorts by millisecond, then at
 * random.
 */
struct uuid uuid_new(int64_t unix_ms);
/* "<prefix>xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx" with NUL; out holds strlen(prefix) + 37 bytes. */
void uuid_format(const struct uuid *id, const char *prefix, char *out, size_t size);
/* False unless text is exactly that form with that prefix. */
bool uuid_parse(const char *text, const char *prefix, struct uuid *ret_id);

/*
 * True when text is 1 to max bytes of [A-Za-z0-9._-] and begins with a letter or digit: the form of
 * every name that a person gives to a product, a station or an alias.
 */
bool name_is_valid(const char *text, size_t max);

#endif
