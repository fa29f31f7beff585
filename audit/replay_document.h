/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The document that a leaf of the type grant names: whether it is there, says what the leaf says,
 * is for this ledger, could be accepted then, and was signed by those who could sign then.
 * Private to audit/. Threads: one.
 */
#ifndef AUDIT_REPLAY_DOCUMENT_H
#define AUDIT_REPLAY_DOCUMENT_H

#include "audit/canonical.h"
#include "audit/replay_part.h"
#include "grant/grant.h"

/* Before the leaf moves the book; a policy becomes the product's. */
enum error replay_document(struct replay *replay, const struct leaf *leaf,
                           struct book_product *product, struct fault *fault) MUST_USE;

/* The first field of the leaf that is not as the document says; NULL when it is all the same. */
const char *document_difference(const struct leaf *leaf, const struct grant *grant) MUST_USE;

#endif
