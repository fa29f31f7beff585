/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When requests come, fixed before the first is sent: at random (Poisson), as many callers that
 * know nothing of one another come, and the same in each run. What is late does not move what comes
 * after it.
 */
#ifndef BENCH_ARRIVALS_H
#define BENCH_ARRIVALS_H

#include <stddef.h>
#include <stdint.h>

/* Microseconds from the beginning, in order; the caller frees them. Out of memory fails the test.
 */
int64_t *arrivals_make(size_t count, double per_s);

#endif
