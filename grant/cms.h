/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The outer forms of a signed document: DER, PEM or S/MIME become one CMS SignedData and the bytes
 * that it signs. Private to grant/. Threads: a value of one thread.
 */
#ifndef GRANT_CMS_H
#define GRANT_CMS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/pem.h>

/* After pem.h, which makes it declare the functions for PEM. */
#include <openssl/cms.h>

#include "core/bytes.h"
#include "core/error.h"

struct cms {
    CMS_ContentInfo *info; /* SignedData with at most SIGNED_DOCUMENT_SIGNERS_MAX signers */
    uint8_t *content;      /* what the signatures are over */
    size_t content_length; /* at most GRANT_JSON_MAX */
};

/* The errors of signed_document_open. Clear *ret_cms with cms_clear, also after a failure. */
enum error cms_read(struct bytes data, struct cms *ret_cms, struct fault *fault) MUST_USE;
void cms_clear(struct cms *cms);

#endif
