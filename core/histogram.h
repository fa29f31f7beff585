/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How long things take: counts of durations in fixed buckets, as /metrics shows them.
 *
 * The bounds are the same everywhere, so that a histogram can travel as its counts alone.
 * Threads: histogram_note and histogram_read are safe from any thread; a read may miss notes that
 * happen meanwhile, and sees each counter whole.
 */
#ifndef CORE_HISTOGRAM_H
#define CORE_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 14

/* Upper bounds of the buckets, inclusive, in microseconds; one more bucket is above them all. */
extern const int64_t HISTOGRAM_BOUNDS_US[HISTOGRAM_BOUNDS];

/* Zeroed memory is an empty one. */
struct histogram {
    atomic_uint_fast64_t counts[HISTOGRAM_BOUNDS + 1];
    atomic_uint_fast64_t sum_us;
};

struct histogram_counts {
    uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* of each bucket, not cumulative */
    uint64_t sum_us;
};

/* A negative duration counts as 0. */
void histogram_note(struct histogram *histogram, int64_t duration_us);
void histogram_read(struct histogram *histogram, struct histogram_counts *ret_counts);

#endif
