/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Whether the HSM has the firmware keys that the ledger uses. Threads: safe from any thread. */
#ifndef VAULT_KEY_PRESENCE_H
#define VAULT_KEY_PRESENCE_H

#include "hsm/hsm_client.h"
#include "ledger/ledger.h"

/*
 * Says of each product whose key the HSM does not have that no license of it can be issued, and
 * what to do: a restored ledger may name a key that was destroyed since. Whatever fails is the
 * HSM's fault, and says nothing about a product.
 */
enum error key_presence_check(struct hsm_client *hsm, const struct ledger_product *products,
                              size_t count, struct fault *fault) MUST_USE;

#endif
