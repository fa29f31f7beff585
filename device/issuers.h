/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Certificates of issuers that genuine devices showed, so that each is parsed once.
 *
 * What is kept is the parsed form of exactly those bytes, found by their SHA-256, and nothing that
 * was found out about them: each path is checked anew, with its signatures and its dates. They
 * belong to one set of anchors and go with it. Bounded: ISSUERS_MAX certificates of at most
 * ISSUERS_MAX_BYTES. Private to device/. Threads: safe from any thread.
 */
#ifndef DEVICE_ISSUERS_H
#define DEVICE_ISSUERS_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "core/bytes.h"
#include "core/error.h"

#define ISSUERS_MAX       16   /* lines and sites of a product; some 10 kB each */
#define ISSUERS_MAX_BYTES 4096 /* DER; a longer one is parsed each time */

struct issuers;

/* NULL for lack of memory. */
struct issuers *issuers_new(void) MUST_USE;
/* NULL is allowed. */
void issuers_free(struct issuers *issuers);

/* The certificate of these bytes with one more reference for the caller, or NULL. */
X509 *issuers_find(struct issuers *issuers, const struct sha256 *digest) MUST_USE;
/* Takes one more reference; the one that has been there longest makes room. */
void issuers_keep(struct issuers *issuers, const struct sha256 *digest, X509 *certificate);

#endif
