/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The keys whose lists of devices a product takes: its trust anchors, where its devices have no
 * certificates. A key is pinned as itself: of a certificate the key counts and nothing else, no
 * date, no use, no issuer.
 *
 * A struct list_signers is made once per product and immutable: safe to share between threads.
 */
#ifndef DEVICE_LIST_SIGNERS_H
#define DEVICE_LIST_SIGNERS_H

#include <stdbool.h>

#include "core/bytes.h"
#include "core/error.h"
#include "device/device.h"

struct list_signers;

/*
 * Parses PEM: 1 to DEVICE_ANCHORS_MAX certificates, or as many public keys, of P-256, P-384 or RSA
 * of 2048 bits or more. ERR_BAD_REQUEST: "not-a-signer", "signer-key", "too-many-anchors". Free
 * with list_signers_free.
 */
enum error list_signers_new(struct bytes pem, struct list_signers **ret_signers,
                            struct fault *fault) MUST_USE;
/* NULL is allowed. */
void list_signers_free(struct list_signers *signers);

/* Whether the key with this SHA-256 of its SubjectPublicKeyInfo is one of them. */
bool list_signers_have(const struct list_signers *signers, const struct sha256 *spki);

/* Which of them signed; false: none did. */
bool list_signers_verify(const struct list_signers *signers, const struct sha256 *digest,
                         struct bytes signature, struct sha256 *ret_signer) MUST_USE;
/* The same for ES256 (RFC 7518 §3.4): P-256, r and s of 32 bytes each. */
bool list_signers_verify_es256(const struct list_signers *signers, const struct sha256 *digest,
                               struct bytes signature, struct sha256 *ret_signer) MUST_USE;

#endif
