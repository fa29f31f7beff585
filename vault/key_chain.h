/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Whether a product's firmware key is its own, and of the generation that the journal proves.
 * Private to governance.c. Threads: safe from any thread. */
#ifndef VAULT_KEY_CHAIN_H
#define VAULT_KEY_CHAIN_H

#include "ledger/ledger.h"

/*
 * ERR_PRODUCT_TAMPERED ("firmware-key"): the key is not that of the product's name and generation,
 * or a generation before it was not retired by a leaf of the journal that goes to the next one.
 */
enum error key_chain_check(struct ledger *ledger, const struct ledger_product *product,
                           struct fault *fault) MUST_USE;

#endif
