/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A leaf that a row names, read from the journal and checked against its tree. Private to vault/.
 * Threads: safe from any thread. */
#ifndef VAULT_PROVEN_LEAF_H
#define VAULT_PROVEN_LEAF_H

#include <jansson.h>

#include "ledger/ledger.h"

/*
 * The leaf of that index as JSON, the caller's; *ret_leaf NULL: there is none under this head, it
 * is not what the tree says, or it is no JSON.
 */
enum error proven_leaf_read(struct ledger *ledger, const struct ledger_head *head, int64_t index,
                            json_t **ret_leaf, struct fault *fault) MUST_USE;
bool proven_leaf_text_is(const json_t *leaf, const char *key, const char *expected);

#endif
