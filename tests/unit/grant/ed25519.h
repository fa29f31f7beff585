/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CMS SignedData with an Ed25519 signature as RFC 8419 says, which openssl cms -sign of version 3.0
 * cannot make: put together by openssl asn1parse -genconf and signed by openssl pkeyutl.
 */
#ifndef TESTS_UNIT_GRANT_ED25519_H
#define TESTS_UNIT_GRANT_ED25519_H

#include <stdbool.h>

#include "ceremony.h"

struct ed25519_options {
    unsigned digests;            /* how often SHA-512 is announced */
    const char *content_type;    /* of the signed attribute; NULL: id-data */
    bool signs_other_content;    /* the digest is another one */
    bool signs_other_attributes; /* the signature is over other attributes than it comes with */
};

/* g.json becomes g.p7s, signed by NAME.key; without any signer when name is NULL. */
void ed25519_sign(const struct ceremony *ceremony, const char *name,
                  const struct ed25519_options *options);

#endif
