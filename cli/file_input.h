/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Small input files, read whole: certificates, trust anchors, and bytes. Each has a limit, so that
 * a wrong name (a disk image, a device) is an answer and not a full memory. Threads: pure
 * functions.
 */
#ifndef CLI_FILE_INPUT_H
#define CLI_FILE_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "cli/failure.h"

#define FILE_INPUT_PEM_MAX_BYTES ((size_t)64 * 1024)

/*
 * Reads PEM certificates from path ("-" is standard input). *ret_text ends in NUL and is the
 * caller's to free. Refused: more than FILE_INPUT_PEM_MAX_BYTES, no certificate in it, a byte that
 * is not ASCII, a private key (it has no business on the wire).
 */
enum error file_input_read_pem(const char *path, char **ret_text, struct failure *failure) MUST_USE;

/*
 * Likewise for PEM public keys ("PUBLIC KEY", RFC 7468 §13), without any certificate among them.
 */
enum error file_input_read_public_keys(const char *path, char **ret_text,
                                       struct failure *failure) MUST_USE;
/* Likewise for PEM certificates or PEM public keys: of those who sign lists of devices. */
enum error file_input_read_signers(const char *path, char **ret_text,
                                   struct failure *failure) MUST_USE;
/* Reads 1 to max bytes of any kind; *ret_data is the caller's to free. */
enum error file_input_read_bytes(const char *path, size_t max, uint8_t **ret_data,
                                 size_t *ret_length, struct failure *failure) MUST_USE;

#endif
