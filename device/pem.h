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

#include <stdbool.h>

#include <openssl/x509.h>

#include "core/bytes.h"
#include "core/error.h"
#include "device/device.h"
#include "device/issuers.h"
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

/* A device's chain. Borrows its issuers. */
struct pem_chain {
    STACK_OF(X509) * list;
    struct issuers *issuers;
    bool is_new[DEVICE_CHAIN_MAX_CERTS]; /* an issuer's that may be kept, with the digest of it */
    struct sha256 digests[DEVICE_CHAIN_MAX_CERTS];
};

/*
 * 1 to DEVICE_CHAIN_MAX_CERTS certificates, the device's own first: an EC key of that one is
 * decoded the fast way (leaf_context.h). The others are taken from issuers when they are there.
 * Clear *ret_chain with pem_chain_clear.
 */
enum pem_outcome pem_read_chain(struct bytes pem, struct issuers *issuers,
                                struct pem_chain *ret_chain) MUST_USE;
/* The chain is good: its issuers are kept for the next one. */
void pem_chain_keep(const struct pem_chain *chain);
void pem_chain_clear(struct pem_chain *chain);

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
