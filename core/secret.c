/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Secrets in libcrypto's secure heap. The heap is process-wide; each secret has one owner. */
#include "core/secret.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define SECRET_HEAP_BYTES ((size_t)64 * 1024)
#define SECRET_HEAP_MIN   16

enum error secret_heap_init(struct fault *fault)
{
    if (CRYPTO_secure_malloc_initialized())
        return ERR_OK;
    /* 2 means: heap made, but its pages could not be locked. */
    if (CRYPTO_secure_malloc_init(SECRET_HEAP_BYTES, SECRET_HEAP_MIN) == 1)
        return ERR_OK;
    int reason = errno;
    if (reason == EPERM)
        return fault_set(fault, ERR_INTERNAL, "memory-lock",
                         "Memory for secrets cannot be locked, because mlock is forbidden here: "
                         "allow 256 KiB or more of locked memory (LimitMEMLOCK=), and in a "
                         "container the system calls of @memlock.",
                         reason);
    return fault_set(fault, ERR_INTERNAL, "memory-lock",
                     "Memory for secrets cannot be locked: allow 256 KiB or more of locked memory "
                     "(LimitMEMLOCK=, `ulimit -l`).",
                     reason);
}

enum error secret_new(size_t length, struct secret *ret_secret)
{
    assert(length <= SECRET_MAX_BYTES);
    if (!CRYPTO_secure_malloc_initialized())
        return ERR_INTERNAL; /* libcrypto would take the ordinary heap */
    uint8_t *bytes = OPENSSL_secure_zalloc(length + 1);
    if (bytes == NULL)
        return ERR_INTERNAL;
    *ret_secret = (struct secret){.bytes = bytes, .length = length};
    return ERR_OK;
}

static ssize_t read_full(int fd, uint8_t *out, size_t max)
{
    size_t length = 0;
    while (length < max) {
        ssize_t n = read(fd, out + length, max - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    return (ssize_t)length;
}

static size_t length_without_newline(const uint8_t *bytes, size_t length)
{
    if (length == 0 || bytes[length - 1] != '\n')
        return length;
    length--;
    return length > 0 && bytes[length - 1] == '\r' ? length - 1 : length;
}

enum error secret_read_pin(int fd, struct secret *ret_pin, struct fault *fault)
{
    SECRET_AUTO pin = {0};
    if (secret_new(SECRET_MAX_BYTES, &pin) != ERR_OK)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for the PIN.", 0);
    ssize_t got = read_full(fd, pin.bytes, SECRET_MAX_BYTES);
    if (got < 0)
        return fault_set(
            fault, ERR_CONFIG, "pin-unreadable",
            "The PIN cannot be read: is the credential a file with the PIN in it? Make it again.",
            errno);
    size_t length = length_without_newline(pin.bytes, (size_t)got);
    if (length == 0)
        return fault_set(
            fault, ERR_CONFIG, "pin-empty",
            "The PIN is empty: write it into the credential, or give none at all to a token "
            "that asks for no PIN.",
            0);
    if (got == SECRET_MAX_BYTES || memchr(pin.bytes, 0, length) != NULL)
        return fault_set(fault, ERR_CONFIG, "pin-malformed",
                         "The PIN is longer than 511 bytes or contains a NUL byte: write the PIN "
                         "alone into the credential.",
                         0);
    OPENSSL_cleanse(pin.bytes + length, SECRET_MAX_BYTES - length);
    pin.length = length;
    *ret_pin = pin;
    pin = (struct secret){0};
    return ERR_OK;
}

void secret_clear(struct secret *secret)
{
    if (secret->bytes != NULL)
        OPENSSL_secure_clear_free(secret->bytes, OPENSSL_secure_actual_size(secret->bytes));
    *secret = (struct secret){0};
}
