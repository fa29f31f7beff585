/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Secrets: the PIN and the short-lived key bytes of host mode.
 *
 * A struct secret lives in libcrypto's secure heap: locked, not dumped, cleansed when it is
 * cleared. There is no function to print, compare with or copy it out but secret_bytes, whose
 * callers are few on purpose. Call secret_heap_init once, before any thread, and secret_clear on
 * every path (SECRET_AUTO does it at scope exit). Threads: one secret belongs to one thread.
 */
#ifndef CORE_SECRET_H
#define CORE_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define SECRET_MAX_BYTES 512 /* a PIN or a key, with room */

struct secret {
    uint8_t *bytes; /* secure heap; NULL when empty */
    size_t length;
};

#define SECRET_AUTO __attribute__((cleanup(secret_clear))) struct secret

/*
 * Sets up the secure heap (once per process). ERR_INTERNAL when memory cannot be locked: raise
 * RLIMIT_MEMLOCK to 256 KiB or more.
 */
enum error secret_heap_init(struct fault *fault) MUST_USE;

/* A zeroed secret of length bytes, at most SECRET_MAX_BYTES. ERR_INTERNAL: no room, or no heap. */
enum error secret_new(size_t length, struct secret *ret_secret) MUST_USE;

/*
 * Reads a PIN from fd to its end and drops one trailing newline (CR LF too). 1 to 511 bytes, the
 * newline included, without NUL, else ERR_CONFIG. Does not close fd. The buffer has a NUL behind
 * its length.
 */
enum error secret_read_pin(int fd, struct secret *ret_pin, struct fault *fault) MUST_USE;

/* Cleanses and frees; leaves an empty secret. An empty one is allowed. */
void secret_clear(struct secret *secret);

#endif
