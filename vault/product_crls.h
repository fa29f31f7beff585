/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A product's revocation lists, as they are shown: whether it asks for them, and until when they
 * will do. What a device is judged by is in product_cache.h. Threads: pure functions.
 */
#ifndef VAULT_PRODUCT_CRLS_H
#define VAULT_PRODUCT_CRLS_H

#include "ledger/ledger.h"

struct product_crls {
    bool is_wanted;        /* the product refuses devices without them */
    int64_t until_unix_ms; /* then the first list is too old by the product's limit, or by its own
                            * nextUpdate; 0: there is none, or nobody asks */
};

struct product_crls product_crls_of(const struct ledger_product *product);

#endif
