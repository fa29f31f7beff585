/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The journal's leaf about an accepted document. Threads: safe from any thread. */
#ifndef VAULT_DOCUMENT_LEAF_H
#define VAULT_DOCUMENT_LEAF_H

#include "ledger/ledger.h"

/*
 * That the leaf which the row names is in the journal under this head, and tells of this document,
 * with the units that the row says were taken. ERR_PRODUCT_TAMPERED ("leaf").
 */
enum error document_leaf_check(struct ledger *ledger, const struct ledger_head *head,
                               const struct ledger_document *row, const struct sha256 *digest,
                               struct fault *fault) MUST_USE;

#endif
