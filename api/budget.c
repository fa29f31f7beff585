/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One atomic number. */
#include "api/budget.h"

#include <assert.h>

#define WHOLE 4

void budget_init(struct budget *budget, size_t max)
{
    atomic_init(&budget->max, max);
    atomic_init(&budget->taken, 0);
    atomic_init(&budget->refused, 0);
}

bool budget_take(struct budget *budget, size_t bytes, unsigned share)
{
    assert(share <= WHOLE);
    size_t max = atomic_load(&budget->max) / WHOLE * share;
    size_t taken = atomic_load(&budget->taken);
    do {
        if (bytes > max || taken > max - bytes) {
            (void)atomic_fetch_add(&budget->refused, 1);
            return false;
        }
    } while (!atomic_compare_exchange_weak(&budget->taken, &taken, taken + bytes));
    return true;
}

void budget_give(struct budget *budget, size_t bytes)
{
    size_t before = atomic_fetch_sub(&budget->taken, bytes);
    assert(before >= bytes);
    (void)before;
}
