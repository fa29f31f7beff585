/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the journal says of a signed document. Writer thread, inside a change. */
#ifndef LEDGER_GRANT_LEAF_H
#define LEDGER_GRANT_LEAF_H

#include "ledger/change.h"

/* The product that a policy describes; without a quota, which only units give. */
struct ledger_product_new grant_product(const struct ledger_grant *grant);

/* "product-created": the product that a first policy makes; its "grant" leaf follows. */
enum error grant_leaf_created(struct change_context *context, const struct ledger_grant *grant,
                              const char *by, struct fault *fault) MUST_USE;
/* "grant": reads taken and granted, fills journal_index. */
enum error grant_leaf_append(struct change_context *context, const struct ledger_grant *grant,
                             const char *by, struct ledger_granted *granted,
                             struct fault *fault) MUST_USE;

#endif
