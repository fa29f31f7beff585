/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Shares of a quota as a charge meets them. Pure, but for budget_draw on the writer thread. */
#ifndef LEDGER_BUDGET_H
#define LEDGER_BUDGET_H

#include "ledger/change.h"

/* What was drawn in the period of that time. */
int64_t budget_used(const struct store_budget *budget, int64_t now_unix_ms);
/* Whether one more charge fits each of them: ERR_BUDGET_SPENT. */
enum error budget_check(const struct store_budget budgets[STORE_BUDGETS], int64_t now_unix_ms,
                        struct fault *fault) MUST_USE;
/* Counts one charge in each. */
enum error budget_draw(struct change_context *context, int64_t product_id,
                       const struct store_budget budgets[STORE_BUDGETS],
                       struct fault *fault) MUST_USE;

#endif
