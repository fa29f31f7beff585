/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Counters in buckets. Owns no state of its own. */
#include "core/histogram.h"

const int64_t HISTOGRAM_BOUNDS_US[HISTOGRAM_BOUNDS] = {
    250,   500,    1000,   2500,   5000,    10000,   25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 10000000,
};

void histogram_note(struct histogram *histogram, int64_t duration_us)
{
    size_t bucket = 0;
    if (duration_us < 0)
        duration_us = 0;
    while (bucket < HISTOGRAM_BOUNDS && duration_us > HISTOGRAM_BOUNDS_US[bucket])
        bucket++;
    (void)atomic_fetch_add_explicit(&histogram->counts[bucket], 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&histogram->sum_us, (uint64_t)duration_us,
                                    memory_order_relaxed);
}

void histogram_read(struct histogram *histogram, struct histogram_counts *ret_counts)
{
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        ret_counts->counts[i] = atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
    ret_counts->sum_us = atomic_load_explicit(&histogram->sum_us, memory_order_relaxed);
}
