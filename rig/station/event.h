/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a station says: one line per event on standard output, "SOCKET NAME EVENT [detail]".
 *
 * A line is written with one call, so that it is whole in a pipe, and only with bytes that are
 * printable ASCII, whatever a server or a chip sent. Threads: safe from any.
 */
#ifndef RIG_STATION_EVENT_H
#define RIG_STATION_EVENT_H

#define STATION_EVENT_MAX 256 /* bytes of a line with its end; longer ones are cut */

/* format may be NULL for an event without detail. */
void station_event(unsigned socket, const char *name, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
