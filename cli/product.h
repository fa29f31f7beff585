/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the commands about products have in common: the question, who decides about a product, and
 * its form for machines. Threads: main thread.
 */
#ifndef CLI_PRODUCT_H
#define CLI_PRODUCT_H

#include <jansson.h>

#include "cli/admin.h"

#define PRODUCT_RULE_MAX 96

/*
 * The products, or the one of that name ("": all). Every number of the answer is within its limits,
 * and every digest that is there has 32 bytes.
 */
enum error product_ask(const struct arguments *arguments, const char *name,
                       Provisiond__AdminReply **ret_reply, struct failure *failure) MUST_USE;

/*
 * Who decides about its units, anchors and policy: this site's administrator (a local product), or
 * so many of its authorities.
 */
void product_rule(const Provisiond__ProductEntry *product, char out[PRODUCT_RULE_MAX]);
/* Whether it is as its signed documents say: "ok", "tampered", "unchecked", or the vault's word. */
const char *product_state(const Provisiond__ProductEntry *product);

/* Everything but the members and the profile's settings; NULL when memory is out. */
json_t *product_to_json(const Provisiond__ProductEntry *product);
/* The authorities: an array of {"key", "name"}; NULL when memory is out. */
json_t *product_members_to_json(const Provisiond__ProductEntry *product);

#endif
