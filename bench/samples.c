/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A growing array that is sorted when somebody asks. */
#include "samples.h"

#include <stdlib.h>

#include <check.h>

#define FIRST_ROOM 1024

void samples_add(struct samples *samples, int64_t us)
{
    if (samples->count == samples->room) {
        samples->room = samples->room == 0 ? FIRST_ROOM : 2 * samples->room;
        samples->us = realloc(samples->us, samples->room * sizeof *samples->us);
        ck_assert_ptr_nonnull(samples->us);
    }
    samples->us[samples->count++] = us;
}

void samples_add_all(struct samples *samples, const struct samples *more)
{
    for (size_t i = 0; i < more->count; i++)
        samples_add(samples, more->us[i]);
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

int64_t samples_percentile(struct samples *samples, double percent)
{
    if (samples->count == 0)
        return 0;
    qsort(samples->us, samples->count, sizeof *samples->us, compare);
    double rank = (double)samples->count * percent / 100.0; /* so many must be no longer */
    size_t at = (size_t)rank;
    if ((double)at == rank && at > 0)
        at--;
    return samples->us[at < samples->count ? at : samples->count - 1];
}

void samples_clear(struct samples *samples)
{
    free(samples->us);
    *samples = (struct samples){0};
}
