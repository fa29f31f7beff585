/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One revocation list: whether what it says can be taken at its word, and which of two is the
 * newer.
 *
 * Threads: pure functions.
 */
#ifndef API_CRL_LIST_H
#define API_CRL_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnutls/x509.h>

#include "core/bytes.h"
#include "core/error.h"

#define CRL_NUMBER_MAX 32 /* bytes of a CRL number; RFC 5280 has 20 */

/* What a list is of, and how new it is. */
struct crl_mark {
    struct sha256 scope; /* its issuer, and its distribution point if it has one */
    int64_t this_update_unix_s;
    uint8_t number[CRL_NUMBER_MAX]; /* big-endian, leading zeros; 0 when it has none */
};

/*
 * ERR_CONFIG with client-crl-kind (a critical extension that is not known: the list holds changes
 * only, say), client-crl-indirect (it speaks for other issuers), client-crl-entry (an entry with a
 * critical extension) or client-crl-invalid.
 */
enum error crl_list_check(gnutls_x509_crl_t list, struct fault *fault) MUST_USE;

/* issuer: the hash of its name. ERR_CONFIG client-crl-invalid. */
enum error crl_list_mark(gnutls_x509_crl_t list, const struct sha256 *issuer,
                         struct crl_mark *ret_mark, struct fault *fault) MUST_USE;
/* Of the same scope: by time or by number. */
bool crl_mark_is_older(const struct crl_mark *mark, const struct crl_mark *than);

#endif
