/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One signature of a CMS SignedData (RFC 5652 §5.3): the signature is over the signed attributes,
 * and these hold the digest of the content. Private to grant/. Threads: a CMS_SignerInfo belongs to
 * one thread.
 */
#ifndef GRANT_SIGNATURE_H
#define GRANT_SIGNATURE_H

#include <stdbool.h>

#include <openssl/cms.h>

#include "core/bytes.h"

/*
 * True when the signed attributes name this content by SHA-256, SHA-384 or SHA-512. Nothing says
 * that the attributes are genuine.
 */
bool signature_covers(CMS_SignerInfo *signer, struct bytes content);

/*
 * NULL when the holder of the certificate's key signed this content. Otherwise a literal sentence
 * that says why not.
 */
const char *signature_check(CMS_SignerInfo *signer, X509 *certificate, struct bytes content);

#endif
