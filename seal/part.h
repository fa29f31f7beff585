/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of this room share. Private to seal/. Threads: no state. */
#ifndef SEAL_PART_H
#define SEAL_PART_H

#include "seal/seal.h"

/* Until out is full or the file ends. ERR_CONFIG ("clear-unreadable") with errno. */
enum error seal_read_full(int fd, uint8_t *out, size_t size, size_t *ret_length,
                          struct fault *fault) MUST_USE;
/* ERR_CONFIG ("cipher-unwritable") with errno. */
enum error seal_write_all(int fd, const uint8_t *bytes, size_t length,
                          struct fault *fault) MUST_USE;
/* ERR_INTERNAL. */
enum error seal_fail_libcrypto(struct fault *fault) MUST_USE;

/*
 * A sequence of messages under one key, as HSM_AES_GCM_RECORDS of hsm/hsm.proto has it: the content
 * is AES-GCM with a nonce of 12 bytes and no additional data but the records'. ERR_BAD_REQUEST
 * ("records") when the clear file is none.
 */
enum error seal_records(const struct secret *key, const struct pack_message *message,
                        struct pack_result *ret_result, struct fault *fault) MUST_USE;

#endif
