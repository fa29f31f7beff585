/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The gaps of a Poisson process are exponential. */
#include "arrivals.h"

#include <math.h>
#include <stdlib.h>

#include <check.h>

#define US_PER_S 1e6
#define SEED     20

int64_t *arrivals_make(size_t count, double per_s)
{
    unsigned short state[3] = {SEED, SEED, SEED};
    double at_us = 0;
    int64_t *arrivals = calloc(count, sizeof *arrivals);
    ck_assert_ptr_nonnull(arrivals);
    for (size_t i = 0; i < count; i++) {
        at_us += -log(1 - erand48(state)) * US_PER_S / per_s;
        arrivals[i] = (int64_t)at_us;
    }
    return arrivals;
}
