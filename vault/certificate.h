/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The key of a station's certificate. Threads: pure function. */
#ifndef VAULT_CERTIFICATE_H
#define VAULT_CERTIFICATE_H

#include "core/bytes.h"
#include "core/error.h"

#define CERTIFICATE_PEM_MAX_BYTES ((size_t)16 * 1024)

/*
 * SHA-256 of the DER SubjectPublicKeyInfo of the first PEM certificate in pem. The certificate is
 * not verified: TLS does that at each connection; here a principal gets its name. ERR_BAD_REQUEST.
 */
enum error certificate_spki(struct bytes pem, struct sha256 *ret_spki,
                            struct fault *fault) MUST_USE;

#endif
