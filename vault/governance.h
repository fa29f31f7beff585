/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether each product is what it is said to be.
 *
 * A governed product's rows must follow from its signed documents, from the first one, whose
 * authority set the HSM remembers; a local product must be one that the HSM knows no authority of;
 * and either uses its own firmware key. Checked at each start, before the first license leaves, and
 * when a product is made or changed; a product whose check failed is served by nobody.
 *
 * The verdicts are kept in memory. Threads: safe from any thread; a check calls HSM and ledger.
 */
#ifndef VAULT_GOVERNANCE_H
#define VAULT_GOVERNANCE_H

#include <stdbool.h>

#include "grant/signed_document.h"
#include "hsm/hsm_client.h"
#include "ledger/ledger.h"

struct governance;
struct governed_standby;

enum error governance_new(struct ledger *ledger, struct hsm_client *hsm,
                          struct governance **ret_governance) MUST_USE;
/* NULL is allowed. */
void governance_free(struct governance *governance);

/*
 * Checks every product. keeps_data: the token has data objects; without them governed products are
 * not served. Fails only when HSM or ledger could not be read; a product's own failure is its
 * verdict.
 */
enum error governance_check_all(struct governance *governance, bool keeps_data,
                                struct fault *fault) MUST_USE;
/* Leaves an "account" leaf for each governed product whose last check found nothing. Call it right
 * after governance_check_all, while nothing is issued. */
enum error governance_note_accounts(struct governance *governance, struct fault *fault) MUST_USE;
/* The same for one product, after it was made or changed. ERR_PRODUCT_TAMPERED is returned, too. */
enum error governance_recheck(struct governance *governance, const char *product,
                              struct fault *fault) MUST_USE;

/* Whether the product of this id, under this name, may be served. ERR_PRODUCT_TAMPERED, also for
 * another name than it was checked under; ERR_HSM_UNAVAILABLE ("product-unchecked") before its
 * first check. */
enum error governance_permits(struct governance *governance, int64_t product_id, const char *name,
                              struct fault *fault) MUST_USE;

/* Whether a local product may have this name. ERR_CONFLICT ("name-governed"): the HSM remembers an
 * authority for it. */
enum error governance_name_is_free(struct governance *governance, const char *name,
                                   struct fault *fault) MUST_USE;

/* Checks a document's signatures under the product's present set. ERR_GRANT_REFUSED, also
 * ("product-local") for a product without one; as governance_permits. */
enum error governance_check_document(struct governance *governance, int64_t product_id,
                                     const struct signed_document *document,
                                     struct signers *ret_signers, struct fault *fault) MUST_USE;

/*
 * Whether session keys of the product may be wrapped for another HSM, as far as its maker has a
 * say: judged anew from the documents and the HSM. Call it in a turn of documents (vault/grants.h),
 * with the row as it is then. ERR_FORBIDDEN ("standby-not-signed"); as governance_recheck.
 */
enum error governance_permits_standby(struct governance *governance,
                                      const struct ledger_product *product,
                                      const struct governed_standby *standby,
                                      struct fault *fault) MUST_USE;

/* Whether a signed document may name this standby besides those that the product has: as above.
 * ERR_GRANT_REFUSED ("standbys-full"). */
enum error governance_has_place_for(struct governance *governance,
                                    const struct ledger_product *product,
                                    const struct governed_standby *standby,
                                    struct fault *fault) MUST_USE;

/* What people are shown of a product. */
struct governance_view {
    struct fault verdict; /* ERR_OK, or why it is not served */
    struct sha256 first_authorities;
    unsigned threshold; /* 0: a local product, or one whose documents could not be read */
    size_t member_count;
    struct sha256 members[AUTHORITY_KEYS_MAX];
    char names[AUTHORITY_KEYS_MAX][AUTHORITY_NAME_SIZE];
};

void governance_show(struct governance *governance, int64_t product_id,
                     struct governance_view *ret_view);

/* Products that are served to nobody, because their check failed. */
unsigned governance_count_tampered(struct governance *governance);

/*
 * Whether each product that the HSM knows an authority of has a signed override of exactly these
 * heads. ERR_FORBIDDEN ("product-governed"). Verified from the documents, not from the rows.
 */
enum error governance_allows_override(struct governance *governance,
                                      const struct ledger_heads *heads,
                                      struct fault *fault) MUST_USE;

#endif
