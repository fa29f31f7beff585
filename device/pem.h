/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Certificates out of PEM text (RFC 7468) that nobody has looked at yet.
 *
 * Strict where libcrypto's reader forgives: only CERTIFICATE blocks, no headers inside, strict
 * base64, the DER fills its block, and between blocks only white space and the lines that openssl
 * writes there. Sizes and counts are limited before anything is parsed. Private to device/.
 * Threads: pure functions.
 */
#ifndef DEVICE_PEM_H
#define DEVICE_PEM_H

#include <openssl/x509.h>

#include "core/bytes.h"
#include "core/error.h"
#include "device/refusal.h"

enum pem_outcome {
    PEM_OK,
    PEM_NOT_A_CERTIFICATE, /* no block, another kind of block, or foreign text */
    PEM_MALFORMED,         /* a certificate block that is cut off, not base64 or not DER */
    PEM_TOO_MANY,
    PEM_NO_MEMORY,
};

/* 1 to max certificates in their order; the caller frees *ret_list with its certificates. */
enum pem_outcome pem_read_certificates(struct bytes pem, int max,
                                       STACK_OF(X509) * *ret_list) MUST_USE;

#endif
