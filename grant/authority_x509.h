/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Certificates as this room sees them. Threads: pure functions. Private to grant/. */
#ifndef GRANT_AUTHORITY_X509_H
#define GRANT_AUTHORITY_X509_H

#include <openssl/x509.h>

#include "grant/authority.h"

/* Borrowed from the set. */
X509 *authority_set_certificate(const struct authority_set *set, size_t i);

/* SHA-256 of a certificate's SubjectPublicKeyInfo; false when it cannot be encoded. */
bool certificate_key(X509 *certificate, struct sha256 *ret_key);
/* A name as UTF-8 for people, cut at a whole character when it is too long. */
void certificate_name(const X509_NAME *name, char out[AUTHORITY_NAME_SIZE]);

#endif
