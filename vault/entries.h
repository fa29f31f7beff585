/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What both sockets say of a product, an image, a document and a principal: the message with what
 * it points into. A row is filled in its last place and does not move afterwards. Threads: pure but
 * for what they read.
 */
#ifndef VAULT_ENTRIES_H
#define VAULT_ENTRIES_H

#include "license/license.h"
#include "vault.pb-c.h"
#include "vault/governance.h"
#include "vault/state.h"

struct listing;

struct product_row {
    Provisiond__ProductEntry entry;
    struct ledger_product product;
    struct governance_view view;
    Provisiond__AuthorityEntry members[AUTHORITY_KEYS_MAX];
    Provisiond__AuthorityEntry *links[AUTHORITY_KEYS_MAX];
};

struct image_row {
    Provisiond__ImageEntry entry;
    struct ledger_image image;
    const struct license_content *content; /* NULL: this build does not know it */
    char product[LEDGER_NAME_MAX + 1];     /* "": not said */
    bool is_latest;
};

struct grant_row {
    Provisiond__GrantEntry entry;
    struct ledger_document document; /* its bytes are gone; digest is theirs */
    struct sha256 digest;
};

struct principal_row {
    Provisiond__PrincipalEntry entry;
    struct ledger_principal principal; /* filling cuts its scope into names */
    Provisiond__PrincipalKey keys[LEDGER_PRINCIPAL_KEYS_MAX];
    Provisiond__PrincipalKey *key_links[LEDGER_PRINCIPAL_KEYS_MAX];
    char *product_links[LEDGER_SCOPE_NAMES_MAX];
    char *line_links[LEDGER_SCOPE_NAMES_MAX];
};

/* Fills entry from row->product; the members only when they are asked for. */
void entry_fill_product(struct vault *vault, struct product_row *row, bool with_members);
/* "ok", "tampered", or "unchecked" (the HSM was not asked yet). */
const char *entry_state_word(const struct governance_view *view);

void entry_fill_image(struct image_row *row);
void entry_fill_grant(struct grant_row *row);

/* Products that `seer` may not see are not named (NULL: all are). */
void entry_fill_principal(struct principal_row *row, const struct ledger_principal *seer);

/* For the ledger's listings; context is a listing of such rows. */
bool entry_add_product(void *context, const struct ledger_product *product);
bool entry_add_grant(void *context, const struct ledger_document *document);

/* Images of a product into a listing, the newest enabled one marked as the latest. */
struct image_search {
    struct listing *listing;
    const struct sha256 *digest; /* only this one; NULL: all */
};
enum error entry_find_images(struct ledger *ledger, const struct ledger_product *product,
                             struct image_search *search, struct fault *fault) MUST_USE;

struct principal_search {
    struct listing *listing;
    const char *name;                    /* this one; "": all */
    enum ledger_role role;               /* LEDGER_ROLE_ANY: of each */
    const struct ledger_principal *seer; /* only those who may work for one of his products; NULL:
                                            all */
};
/* ERR_PRINCIPAL_UNKNOWN: none of that name. */
enum error entry_find_principals(struct ledger *ledger, struct principal_search *search,
                                 struct fault *fault) MUST_USE;

#endif
