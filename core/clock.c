/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Clocks and deadlines. Owns no state. */
#include "core/clock.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

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

/* count digits; negative when there are fewer. */
static int read_digits(const char *text, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

/* "YYYY-MM-DDTHH:MM:SS" with every separator in its place. */
static bool read_second(const char *text, struct tm *ret_time)
{
    if (strnlen(text, 20) < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':')
        return false;
    *ret_time = (struct tm){.tm_year = read_digits(text, 4) - 1900,
                            .tm_mon = read_digits(text + 5, 2) - 1,
                            .tm_mday = read_digits(text + 8, 2),
                            .tm_hour = read_digits(text + 11, 2),
                            .tm_min = read_digits(text + 14, 2),
                            .tm_sec = read_digits(text + 17, 2)};
    return ret_time->tm_year >= 70 && ret_time->tm_mon >= 0 && ret_time->tm_mday >= 1 &&
           ret_time->tm_hour >= 0 && ret_time->tm_min >= 0 && ret_time->tm_sec >= 0;
}

bool timestamp_parse(const char *text, int64_t *ret_unix_ms)
{
    struct tm time;
    int ms = 0;
    char again[TIMESTAMP_SIZE];
    if (!read_second(text, &time))
        return false;
    const char *rest = text + 19;
    if (rest[0] == '.') {
        if (strnlen(rest, 6) != 5)
            return false;
        ms = read_digits(rest + 1, 3);
        rest += 4;
    }
    if (ms < 0 || strcmp(rest, "Z") != 0)
        return false;
    int64_t unix_ms = (int64_t)timegm(&time) * 1000 + ms;
    timestamp_format(unix_ms, again); /* the 31st of February would be another day there */
    if (strncmp(again, text, 19) != 0)
        return false;
    *ret_unix_ms = unix_ms;
    return true;
}
