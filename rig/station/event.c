/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Event lines. Owns no state: a write(2) of less than PIPE_BUF bytes is not divided. */
#include "rig/station/event.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static_assert(STATION_EVENT_MAX <= PIPE_BUF, "a line is whole in a pipe");

static size_t clamp(size_t at, int written)
{
    size_t end = written > 0 ? at + (size_t)written : at;
    return end < STATION_EVENT_MAX - 1 ? end : STATION_EVENT_MAX - 1;
}

void station_event(unsigned socket, const char *name, const char *event, const char *format, ...)
{
    char line[STATION_EVENT_MAX];
    size_t end = clamp(0, snprintf(line, sizeof line, "socket-%02u %s %s", socket, name, event));
    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        line[end++] = ' ';
        end = clamp(end, vsnprintf(line + end, sizeof line - end, format, arguments));
        va_end(arguments);
    }
    for (size_t i = 0; i < end; i++) {
        if (line[i] < ' ' || line[i] > '~')
            line[i] = '?';
    }
    line[end] = '\n';
    (void)!write(STDOUT_FILENO, line, end + 1);
}
