/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Time: deadlines on the monotonic clock, records on the wall clock (UTC, milliseconds).
 *
 * A deadline is an absolute point, so that a chain of waits cannot add up to more than its caller
 * allowed. Threads: pure functions.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define TIMESTAMP_SIZE 25 /* "2026-11-23T22:05:36.123Z" and NUL */

/* Milliseconds on CLOCK_MONOTONIC. */
typedef int64_t deadline_ms;

/* Now on the monotonic clock, in milliseconds. */
int64_t clock_monotonic_ms(void);
/* Now on the monotonic clock, in microseconds; for durations in logs and metrics. */
int64_t clock_monotonic_us(void);
/* Now as Unix time in milliseconds. */
int64_t clock_unix_ms(void);

/* The point that lies timeout_ms from now. */
deadline_ms deadline_in(int64_t timeout_ms);
/* Milliseconds left, 0 when the deadline has passed; fits poll(2). */
int deadline_left_ms(deadline_ms deadline);
/* The deadline as pthread_cond_clockwait(CLOCK_MONOTONIC) wants it. */
struct timespec deadline_timespec(deadline_ms deadline);

/* RFC 3339 in UTC with milliseconds. */
void timestamp_format(int64_t unix_ms, char out[TIMESTAMP_SIZE]);
/* The reverse, for the years 1970 to 9999: seconds, or exactly three digits of milliseconds, and Z.
 * False for any other form and for days that do not exist. */
bool timestamp_parse(const char *text, int64_t *ret_unix_ms);

#endif
