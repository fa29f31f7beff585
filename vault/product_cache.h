/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parsed trust anchors by product, so that a license does not parse certificates that do not
 * change.
 *
 * An entry is valid for one anchors_version and shared by reference count. Threads: safe from any.
 */
#ifndef VAULT_PRODUCT_CACHE_H
#define VAULT_PRODUCT_CACHE_H

#include "core/error.h"
#include "device/device.h"
#include "ledger/ledger.h"

struct product_cache;
struct product_anchors;

enum error product_cache_new(struct product_cache **ret_cache) MUST_USE;
/* NULL is allowed; every entry must have been put back. */
void product_cache_free(struct product_cache *cache);

/* The anchors of this product in this version; put them back with product_anchors_put. */
enum error product_cache_get(struct product_cache *cache, struct ledger *ledger,
                             const struct ledger_product *product,
                             struct product_anchors **ret_anchors, struct fault *fault) MUST_USE;
const struct device_anchors *product_anchors_get(const struct product_anchors *anchors);
/* NULL is allowed. */
void product_anchors_put(struct product_anchors *anchors);

#endif
