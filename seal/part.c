/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading and writing to the end. Owns no state. */
#include "seal/part.h"

#include <errno.h>
#include <unistd.h>

#include <openssl/err.h>

enum error seal_fail_libcrypto(struct fault *fault)
{
    ERR_clear_error();
    return fault_set(fault, ERR_INTERNAL, "libcrypto", "A libcrypto operation failed.", 0);
}

enum error seal_read_full(int fd, uint8_t *out, size_t size, size_t *ret_length,
                          struct fault *fault)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t n = read(fd, out + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(fault, ERR_CONFIG, "clear-unreadable", "The firmware cannot be read.",
                             errno);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *ret_length = done;
    return ERR_OK;
}

enum error seal_write_all(int fd, const uint8_t *bytes, size_t length, struct fault *fault)
{
    while (length > 0) {
        const ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fault_set(fault, ERR_CONFIG, "cipher-unwritable",
                             "The encrypted image cannot be written: see the number; 28 is a full "
                             "disk.",
                             errno);
        bytes += n;
        length -= (size_t)n;
    }
    return ERR_OK;
}
