/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Clocks and deadlines. Owns no state. */
#include "core/clock.h"

#include <limits.h>
#include <stdio.h>

static int64_t now_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

int64_t clock_unix_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000;
}

deadline_ms deadline_in(int64_t timeout_ms)
{
    return clock_monotonic_ms() + timeout_ms;
}

int deadline_left_ms(deadline_ms deadline)
{
    int64_t left = deadline - clock_monotonic_ms();
    if (left <= 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

struct timespec deadline_timespec(deadline_ms deadline)
{
    return (struct timespec){.tv_sec = deadline / 1000,
                             .tv_nsec = (long)(deadline % 1000) * 1000000};
}

void timestamp_format(int64_t unix_ms, char out[TIMESTAMP_SIZE])
{
    struct tm utc;
    int64_t ms = (unix_ms % 1000 + 1000) % 1000; /* also before 1970 */
    time_t seconds = (time_t)(unix_ms / 1000 - (unix_ms % 1000 < 0 ? 1 : 0));
    char day_time[20]; /* "2026-11-23T22:05:36" and NUL */
    if (gmtime_r(&seconds, &utc) == NULL ||
        strftime(day_time, sizeof day_time, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
        day_time[0] = '\0';
    (void)snprintf(out, TIMESTAMP_SIZE, "%s.%03uZ", day_time, (unsigned)ms % 1000U);
}
