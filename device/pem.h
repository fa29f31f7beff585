/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Certificates or public keys out of PEM text (RFC 7468) that nobody has looked at yet.
 *
 * Strict where libcrypto's reader forgives: only blocks of the kind that is asked for, no headers
 * inside, strict base64, the DER fills its block, and between blocks only white space and the lines
 * that openssl writes there. Sizes and counts are limited before anything is parsed. Private to
 * device/. Threads: pure functions.
 */
#ifndef DEVICE_PEM_H
#define DEVICE_PEM_H

#include <openssl/x509.h>

#include "core/bytes.h"
#include "core/error.h"
#include "device/device.h"
#include "device/refusal.h"

#define PEM_KEYS_MAX DEVICE_ANCHORS_MAX

enum pem_outcome {
    PEM_OK,
    PEM_FOREIGN,   /* no block, another kind of block, or foreign text */
    PEM_MALFORMED, /* a block of the right kind that is cut off, not base64 or not DER */
    PEM_TOO_MANY,
    PEM_NO_MEMORY,
};

/* 1 to max certificates in their order; the caller frees *ret_list with its certificates. */
enum pem_outcome pem_read_certificates(struct bytes pem, int max,
                                       STACK_OF(X509) * *ret_list) MUST_USE;

/*
 * The same of a device's chain, its own certificate first: an EC key of that one is decoded the
 * fast way (leaf_context.h).
 */
enum pem_outcome pem_read_chain(struct bytes pem, int max, STACK_OF(X509) * *ret_list) MUST_USE;

/* Revocation lists; libcrypto has parsed them, and nobody has looked at their signatures. */
enum pem_outcome pem_read_crls(struct bytes pem, int max, STACK_OF(X509_CRL) * *ret_list) MUST_USE;

/* SubjectPublicKeyInfos of any algorithm; what is inside may still not be a key. */
struct pem_keys {
    X509_PUBKEY *list[PEM_KEYS_MAX];
    int count;
};

/* 1 to PEM_KEYS_MAX keys ("PUBLIC KEY", RFC 7468 §13) in their order; free with pem_keys_clear. */
enum pem_outcome pem_read_public_keys(struct bytes pem, struct pem_keys *ret_keys) MUST_USE;
void pem_keys_clear(struct pem_keys *keys);

#endif
