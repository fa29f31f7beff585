/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How many bytes of something all requests together may hold.
 *
 * Threads: safe from any thread.
 */
#ifndef API_BUDGET_H
#define API_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget {
    atomic_size_t max; /* may change while some is taken */
    atomic_size_t taken;
    atomic_uint_fast64_t refused; /* since the start */
};

void budget_init(struct budget *budget, size_t max);

/* Takes bytes, unless more than share quarters of the budget would be taken then. */
bool budget_take(struct budget *budget, size_t bytes, unsigned share);
void budget_give(struct budget *budget, size_t bytes);

#endif
