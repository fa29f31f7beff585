/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Durations and their percentiles. Out of memory fails the test. One thread per set. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct samples {
    int64_t *us;
    size_t count;
    size_t room;
};

void samples_add(struct samples *samples, int64_t us);
void samples_add_all(struct samples *samples, const struct samples *more);
/* The smallest duration that at least that share of them does not exceed; 0 when there is none. */
int64_t samples_percentile(struct samples *samples, double percent);
void samples_clear(struct samples *samples);

#endif
