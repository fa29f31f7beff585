/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Revocation lists out of PEM text. Private to device/. Threads: pure functions. */
#ifndef DEVICE_CRL_H
#define DEVICE_CRL_H

#include <openssl/x509.h>

#include "core/bytes.h"
#include "core/error.h"

/* 1 to DEVICE_CRLS_MAX lists, the caller's to free; nobody has looked at their signatures. */
enum error crl_parse(struct bytes pem, STACK_OF(X509_CRL) * *ret_lists,
                     struct fault *fault) MUST_USE;

#endif
