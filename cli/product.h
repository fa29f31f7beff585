/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the commands about products have in common: the questions, and who decides about a product.
 *
 * Whether the vault or provisiond told about it, a product is a JSON object here: the members of
 * GET /v1/products/{product}, and threshold, first_authorities and authorities ("" when they are
 * not known), members [{key, name}] and settings of the profile {} when one product was asked
 * about. Threads: main thread.
 */
#ifndef CLI_PRODUCT_H
#define CLI_PRODUCT_H

#include <jansson.h>

#include "cli/admin.h"
#include "cli/record.h"

#define PRODUCT_FIELDS 12
extern const struct record_field PRODUCT_FIELD_TABLE[PRODUCT_FIELDS];

/*
 * The products that the vault knows, or the one of that name ("": all), as an array. Every number
 * is within its limits, and every digest that is there has 32 bytes.
 */
enum error product_ask_vault(const struct arguments *arguments, const char *name,
                             json_t **ret_products, struct failure *failure) MUST_USE;

/* An array of the governed products' names; empty when the vault does not tell. */
json_t *product_list_governed(const struct arguments *arguments);

/* One product and its policy, asked of provisiond. */
enum error product_ask_server(const struct arguments *arguments, const char *name,
                              json_t **ret_product, struct failure *failure) MUST_USE;

/*
 * Who decides about its units, anchors and policy: this site's administrator (a local product), or
 * so many of its authorities. Returns out.
 */
const char *product_rule(const json_t *product, char out[RECORD_CELL_MAX]);

#endif
