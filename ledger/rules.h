/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The rules of metering: what a device may have, and how the account moves. Pure functions over
 * what a store has read, so that the snapshot before the HSM is asked and the transaction after it
 * decide alike.
 */
#ifndef LEDGER_RULES_H
#define LEDGER_RULES_H

#include "ledger/store.h"

/* Product and image exist and are enabled, and the caller may have a license of them on this line:
 * ERR_PRODUCT_UNKNOWN, ERR_IMAGE_UNKNOWN, ERR_FORBIDDEN. */
enum error rules_subject(const struct store_view *view, const struct ledger_context *context,
                         struct fault *fault) MUST_USE;

/* As ledger_standing. */
enum error rules_standing(const struct store_view *view, const struct ledger_device *device,
                          int64_t now_unix_ms, enum ledger_standing *ret_standing,
                          struct fault *fault) MUST_USE;

/* The principal exists and is enabled: ERR_FORBIDDEN. */
enum error rules_principal(bool is_known, bool is_enabled, struct fault *fault) MUST_USE;

/* It does, and is a station that is not kept from this product: ERR_FORBIDDEN. Who asked was judged
 * by whoever calls the ledger; it may have been disabled or narrowed since. */
enum error rules_caller(const struct store_caller *caller, const char *product,
                        struct fault *fault) MUST_USE;

/* The answer for a disabled image: ERR_IMAGE_UNKNOWN. */
enum error rules_image_disabled(struct fault *fault) MUST_USE;

/* What a new install of this device moves: its unit becomes unreported again. */
struct store_move rules_move_install(const struct store_view *view);

/* Whether an outcome becomes its unit's: of the unit's newest install, or scrapped, which is final.
 */
bool rules_outcome_counts(const struct store_install_view *install, enum ledger_result result);

/* What an outcome moves: nothing unless it counts. */
struct store_move rules_move_outcome(const struct store_install_view *install,
                                     enum ledger_result result, bool is_proven);

#endif
