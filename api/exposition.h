/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The pieces of the Prometheus text format.
 *
 * A metric is its head and then its samples. Labels are written as they stand ("a=\"b\"", "" for
 * none): the caller sees to it that values need no escapes. Threads: pure functions over a stream.
 */
#ifndef API_EXPOSITION_H
#define API_EXPOSITION_H

#include <stdint.h>
#include <stdio.h>

#include "core/histogram.h"

void exposition_gauge(FILE *out, const char *name, const char *help);
void exposition_counter(FILE *out, const char *name, const char *help);
void exposition_histogram(FILE *out, const char *name, const char *help);

void exposition_sample(FILE *out, const char *name, const char *labels, int64_t value);
/* Buckets in seconds, sum and count. */
void exposition_buckets(FILE *out, const char *name, const char *labels,
                        const struct histogram_counts *counts);

/* A gauge or a counter of one sample without labels. */
void exposition_gauge_of(FILE *out, const char *name, const char *help, int64_t value);
void exposition_counter_of(FILE *out, const char *name, const char *help, uint64_t value);

#endif
