/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What only this room sees of an authority: its certificate. Private to grant/. */
#ifndef GRANT_AUTHORITY_X509_H
#define GRANT_AUTHORITY_X509_H

#include <openssl/x509.h>

#include "grant/authority.h"

/* Borrowed from the set. */
X509 *authority_set_certificate(const struct authority_set *set, size_t i);

#endif
