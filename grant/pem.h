/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One block of PEM (RFC 7468), strictly: the text begins with it and nothing but white space is
 * behind it. Nothing is decrypted, so nobody is ever asked for a password. Threads: pure functions.
 * Private to grant/.
 */
#ifndef GRANT_PEM_H
#define GRANT_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

/*
 * False unless text is one block with that label ("CERTIFICATE") and without headers. *ret_der is
 * the caller's, to be freed with OPENSSL_free.
 */
bool pem_read(struct bytes text, const char *label, uint8_t **ret_der, size_t *ret_length);

#endif
