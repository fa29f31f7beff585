/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who asks, and for what: the rows of principals, products and images that requests need, which
 * change seldom and are read with each.
 *
 * A row is kept with the ledger's catalogue version, read before it, and read again once that has
 * moved; so an answer is never older than the newest change that anybody was told of. Only rows
 * that serve are kept: a refusal is read each time. Bounded: CATALOGUE_PRINCIPALS and
 * CATALOGUE_SUBJECTS, in places that are made when they are needed. Threads: safe from any.
 */
#ifndef VAULT_CATALOGUE_H
#define VAULT_CATALOGUE_H

#include "ledger/ledger.h"

#define CATALOGUE_PRINCIPALS 128 /* places of about 5 kB */
#define CATALOGUE_SUBJECTS   64  /* places of about 2 kB */

struct catalogue;

enum error catalogue_new(struct ledger *ledger, struct catalogue **ret_catalogue) MUST_USE;
/* NULL is allowed. */
void catalogue_free(struct catalogue *catalogue);

/* As ledger_principal_get. */
enum error catalogue_principal(struct catalogue *catalogue, const struct sha256 *spki,
                               struct ledger_principal *ret_principal,
                               struct fault *fault) MUST_USE;
/* As recipe_find_image; the product's account (used, quota and the like) may be an older one. */
enum error catalogue_subject(struct catalogue *catalogue, const char *product,
                             const struct sha256 *digest, struct ledger_product *ret_product,
                             struct ledger_image *ret_image, struct fault *fault) MUST_USE;

#endif
