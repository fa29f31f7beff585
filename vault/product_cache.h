/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parsed trust anchors and settings by product, so that a license does not parse what does not
 * change.
 *
 * An entry is valid for one anchors_version and shared by reference count. Threads: safe from any.
 */
#ifndef VAULT_PRODUCT_CACHE_H
#define VAULT_PRODUCT_CACHE_H

#include "core/error.h"
#include "device/device.h"
#include "device/list_signers.h"
#include "ledger/ledger.h"
#include "license/license.h"
#include "vault/device_settings.h"
#include "vault/product_options.h"

struct product_cache;
struct product_anchors;

enum error product_cache_new(struct product_cache **ret_cache) MUST_USE;
/* NULL is allowed; every entry must have been put back. */
void product_cache_free(struct product_cache *cache);

/*
 * The anchors of this product in this version; put them back with product_anchors_put.
 * ERR_UNSUPPORTED
 * ("profile") when this build does not know the product's profile.
 */
enum error product_cache_get(struct product_cache *cache, struct ledger *ledger,
                             const struct ledger_product *product,
                             struct product_anchors **ret_anchors, struct fault *fault) MUST_USE;

/* What a device showed; exactly one of them has bytes. */
struct product_proof {
    struct bytes certificate_chain; /* PEM */
    struct bytes st_certificate;
    struct bytes public_key; /* PEM */
};

/*
 * Checks a device under the product's anchors: device_check, st_certificate_check or raw_key_check;
 * whether a raw key is on a list is the caller's to ask.
 * ERR_BAD_REQUEST ("device-form") for the kind of certificate that this product's devices do not
 * show.
 */
enum error product_anchors_check(const struct product_anchors *anchors,
                                 const struct product_proof *proof, int64_t at_unix_ms,
                                 struct device *ret_device, struct fault *fault) MUST_USE;
/* The settings of a product with ST devices, and of one with other devices; NULL for one of the
 * other kind. Borrowed until the entry is put back. */
const struct product_options *product_anchors_options(const struct product_anchors *anchors);
const struct device_settings *product_anchors_settings(const struct product_anchors *anchors);
/* Of a product whose devices show raw keys; NULL for the others. Borrowed likewise. */
const struct list_signers *product_anchors_signers(const struct product_anchors *anchors);
/* NULL is allowed. */
void product_anchors_put(struct product_anchors *anchors);

#endif
