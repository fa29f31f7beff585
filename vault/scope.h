/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a principal is narrowed to: products that it may name and see, lines that it may work for.
 * Threads: pure functions.
 */
#ifndef VAULT_SCOPE_H
#define VAULT_SCOPE_H

#include "ledger/ledger.h"

/* ERR_FORBIDDEN ("product-not-allowed"), whether there is such a product or not. */
enum error scope_check_product(const struct ledger_principal *caller, const char *product,
                               struct fault *fault) MUST_USE;

/* Whether two scopes' products have one in common, or either has them all. */
bool scope_products_meet(const struct ledger_scope *a, const struct ledger_scope *b);

/*
 * The line that is recorded: the context's, or the only one that the caller has. ERR_FORBIDDEN
 * ("line-not-allowed", "line-missing").
 */
enum error scope_take_line(const struct ledger_principal *caller, struct ledger_context *context,
                           struct fault *fault) MUST_USE;

/* The name at *position, which begins at a list and is moved behind the name; false at the end. */
bool scope_next(const char **position, char ret_name[LEDGER_NAME_MAX + 1]);

/* Adds a name to a list. False when it is empty, too long, has a control character, or when the
 * list is full. */
bool scope_add(char list[LEDGER_SCOPE_MAX + 1], const char *name);

#endif
