/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A signed document: CMS SignedData (RFC 5652 §5) around the JSON of grant.h, as
 * `openssl cms -sign` makes it.
 *
 * DER, PEM ("BEGIN CMS" or "BEGIN PKCS7") and S/MIME are read; the content must be in it
 * (-nodetach, or S/MIME's multipart/signed, which carries it). Line ends may have become CR LF.
 * Threads: pure functions over an immutable value.
 */
#ifndef GRANT_SIGNED_DOCUMENT_H
#define GRANT_SIGNED_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"
#include "grant/authority.h"
#include "grant/grant.h"

#define SIGNED_DOCUMENT_MAX         ((size_t)112 * 1024)
#define SIGNED_DOCUMENT_SIGNERS_MAX 64 /* members or not; more are "not-signed-data" */

struct signed_document;

/*
 * Parses the outer form and the grant in it; checks no signature. ERR_TOO_LARGE; ERR_BAD_REQUEST:
 * "not-signed-data", "content-detached", "grant-malformed". Free with signed_document_free.
 */
enum error signed_document_open(struct bytes data, struct signed_document **ret_document,
                                struct fault *fault) MUST_USE;
/* NULL is allowed. */
void signed_document_free(struct signed_document *document);

/* Borrowed from the document. */
const struct grant *signed_document_grant(const struct signed_document *document);
/* SHA-256 of the bytes that signed_document_open was given. */
struct sha256 signed_document_digest(const struct signed_document *document);

enum signer_state {
    SIGNER_UNCHECKED, /* there was no set to judge by */
    SIGNER_STRANGER,  /* is not of the set: ignored */
    SIGNER_WRONG,     /* says to be a member of the set, whose signature this is not */
    SIGNER_HOLDS,     /* is the signature of a member */
};

/* One signature, to be shown to people. What is not by a member is what the document says. */
struct document_signer {
    enum signer_state state;
    bool has_key; /* key and name are known: of a member, or of a certificate in the document */
    struct sha256 key;
    char name[AUTHORITY_NAME_SIZE];
};

/* Fills out, in the order of the document, and returns how many. set may be NULL. */
size_t signed_document_signers(const struct signed_document *document,
                               const struct authority_set *set,
                               struct document_signer out[SIGNED_DOCUMENT_SIGNERS_MAX]);

struct signers {
    struct sha256 keys[AUTHORITY_KEYS_MAX]; /* of the set's members whose signatures hold */
    size_t count;
};

/*
 * Checks the signatures of the set's members over the whole content, each member counting once;
 * signers that are not of the set are ignored. SHA-256, SHA-384 and SHA-512 only, and always with
 * signed attributes (not -noattr). *ret_signers has those whose signatures hold in both cases.
 * ERR_GRANT_REFUSED: "signature-invalid" when a member's signature is wrong, "too-few-signers" when
 * fewer than the threshold hold.
 */
enum error signed_document_check(const struct signed_document *document,
                                 const struct authority_set *set, struct signers *ret_signers,
                                 struct fault *fault) MUST_USE;

#endif
