/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed documents, from either socket: read, checked against the product's authorities, counted
 * once by the ledger (docs/grants.md). Threads: safe from any thread.
 */
#ifndef VAULT_GRANTS_H
#define VAULT_GRANTS_H

#include "vault.pb-c.h"
#include "vault/state.h"

/* An answer and what it points into. */
struct grants_answer {
    Provisiond__GrantApplyReply reply;
    struct uuid id;
    char product[LEDGER_NAME_MAX + 1];
    struct sha256 keys[LEDGER_SIGNERS_MAX];
    ProtobufCBinaryData signers[LEDGER_SIGNERS_MAX];
};

/* Who brings a document. A product is made by an administrator's hand only. */
struct grants_bringer {
    const char *by; /* for the journal */
    bool may_create;
    const struct ledger_principal *scope; /* documents of its products only; NULL: of all */
};

/* ERR_BAD_REQUEST, ERR_TOO_LARGE: no such document. ERR_GRANT_REFUSED, ERR_CONFLICT, and what keeps
 * HSM or ledger from it. ERR_FORBIDDEN: not in the bringer's scope. */
enum error grants_apply(struct vault *vault, struct bytes document,
                        const struct grants_bringer *bringer, struct grants_answer *ret_answer,
                        struct fault *fault) MUST_USE;

/*
 * No document is taken between the two: for whoever judges a product from its documents and its
 * rows together. ERR_BUSY ("documents").
 */
enum error grants_begin_turn(struct vault *vault, struct fault *fault) MUST_USE;
void grants_end_turn(struct vault *vault);

#endif
