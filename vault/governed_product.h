/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The check of one governed product: its signed documents, from the first to the newest, and what
 * its rows must be because of them. Private to governance.c. Threads: safe from any thread.
 */
#ifndef VAULT_GOVERNED_PRODUCT_H
#define VAULT_GOVERNED_PRODUCT_H

#include "grant/signed_document.h"
#include "ledger/ledger.h"

#define GOVERNED_STANDBYS_MAX 16 /* at a time */

/* Another HSM that the maker lets have the session keys. */
struct governed_standby {
    struct sha256 hsm;
    struct sha256 transport_key;
};

struct governed_product {
    struct signed_document *policy; /* the newest; names who may sign the next document; owned */
    struct sha256 first_authorities;
    int64_t documents;
    int64_t consented_unix_ms; /* when its maker issued his newest override; 0: none */
    struct governed_standby
        standbys[GOVERNED_STANDBYS_MAX]; /* a document for one more is refused */
    size_t standby_count;
};

/*
 * Goes through the documents and compares. ERR_PRODUCT_TAMPERED with a reason word: "documents",
 * "signatures", "settings", "quota", "sequence", "authorities", "leaf". Whatever else fails is
 * ledger's fault and says nothing about the product. Clear with governed_product_clear.
 */
enum error governed_product_check(struct ledger *ledger, const struct ledger_product *product,
                                  struct governed_product *ret_checked,
                                  struct fault *fault) MUST_USE;
void governed_product_clear(struct governed_product *checked);
/* Who may sign the next document; borrowed, NULL when nothing was checked. */
const struct authority_set *governed_product_authorities(const struct governed_product *checked);

/* Whether the maker lets that HSM have the session keys. */
bool governed_product_names(const struct governed_product *checked,
                            const struct governed_standby *standby);

/* Whether the product has a signed override of exactly these heads, under the set that applied. */
enum error governed_product_overrides(struct ledger *ledger, const char *product,
                                      const struct ledger_heads *heads, bool *ret_has_override,
                                      struct fault *fault) MUST_USE;

#endif
