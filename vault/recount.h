/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How many documents, charges and drawn scrap units each governed product must have, counted from
 * the journal, and which devices are listed.
 *
 * The vault leaves `account` leaves behind at each start and stop, after it has checked what they
 * say. The count goes backwards from the end of the journal to the newest of them (or to the leaf
 * that made the product), so it reads the leaves of the last run and no more, and compares each
 * leaf with the tree on its way: rows that were changed, added or taken away do not agree with it.
 * Threads: safe from any thread.
 */
#ifndef VAULT_RECOUNT_H
#define VAULT_RECOUNT_H

#include <stdbool.h>

#include "ledger/ledger.h"

#define RECOUNT_PRODUCTS_MAX 1024

struct recount_product {
    char name[LEDGER_NAME_MAX + 1];
    int64_t documents;
    int64_t charged;
    int64_t scrap_drawn;
    bool has_listed;      /* what follows was found; the newest leaf that says it counts */
    struct sha256 listed; /* as ledger_listed_state */
    bool is_complete;     /* the leaf that it is counted from was found */
};

struct recount {
    struct recount_product *products; /* owned */
    size_t count;
};

/*
 * Counts over the first size leaves for these products, whose names are filled in by the caller.
 * ERR_PRODUCT_TAMPERED ("journal") when a leaf is not what the tree says.
 */
enum error recount_journal(struct ledger *ledger, int64_t size, struct recount *recount,
                           struct fault *fault) MUST_USE;

#endif
