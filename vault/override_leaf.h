/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Whether an override stands in the journal, and not in a row alone. Threads: safe from any thread.
 */
#ifndef VAULT_OVERRIDE_LEAF_H
#define VAULT_OVERRIDE_LEAF_H

#include <stdbool.h>

#include "ledger/ledger.h"

/* Looks through the leaves after those that the ledger was found with. */
enum error override_leaf_find(struct ledger *ledger, const struct ledger_heads *heads,
                              bool *ret_is_found, struct fault *fault) MUST_USE;

#endif
