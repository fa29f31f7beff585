/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A small CA for the TLS certificates of those who may ask: P-256, in two files.
 *
 * For sites without a PKI of their own. It proves nothing by itself: provisiond knows its callers
 * by the keys that were enrolled. A private key is in memory only between its making and its file.
 * Order of calls: issuer_open, issuer_issue any number of times, issuer_free; or issuer_make alone.
 * Threads: one issuer belongs to one thread.
 */
#ifndef CLI_ISSUER_H
#define CLI_ISSUER_H

#include <stdint.h>

#include "cli/failure.h"
#include "core/bytes.h"

#define ISSUER_NAME_MAX 64 /* bytes of a commonName, RFC 5280 */
#define ISSUER_DAYS_MAX 7300
#define ISSUER_END_SIZE 11 /* "2027-11-27" and NUL */

/* A key and its certificate, as PEM texts that end in NUL. */
struct issued {
    char *key;
    char *certificate;
    struct sha256 spki;
    char end[ISSUER_END_SIZE]; /* the last day of the certificate, UTC */
};

#define ISSUED_AUTO __attribute__((cleanup(issued_clear))) struct issued

/* Cleanses the key and frees both. An empty one ({0}) is allowed. */
void issued_clear(struct issued *issued);

/* A new CA: signs itself, and may sign what ends a chain but no other CA. */
enum error issuer_make(const char *name, int64_t days, struct issued *ret_issued,
                       struct failure *failure) MUST_USE;

struct issuer;

#define ISSUER_AUTO __attribute__((cleanup(issuer_free))) struct issuer *

/*
 * Reads a CA from its PEM files. Refused, with what to do: a key that is encrypted or another
 * certificate's, a certificate that is no CA's or is not valid now.
 */
enum error issuer_open(const char *certificate, const char *key, struct issuer **ret_issuer,
                       struct failure *failure) MUST_USE;
/* For ISSUER_AUTO. */
void issuer_free(struct issuer **issuer);

/* A new key and a TLS client's certificate for it, which must not outlive the CA's. */
enum error issuer_issue(const struct issuer *issuer, const char *name, int64_t days,
                        struct issued *ret_issued, struct failure *failure) MUST_USE;

/*
 * A new key and a TLS server's certificate for it, which ends with the CA's at the latest.
 * alternatives is as in struct server_names.
 */
enum error issuer_issue_server(const struct issuer *issuer, const char *name,
                               const char *alternatives, int64_t days, struct issued *ret_issued,
                               struct failure *failure) MUST_USE;

#endif
