/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A client that sends what it likes, byte by byte: over TCP, or over TLS as "station".
 *
 * Threads: one.
 */
#ifndef TESTS_UNIT_API_WIRE_H
#define TESTS_UNIT_API_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire;

struct wire *wire_connect(void);
/* After the handshake. */
struct wire *wire_connect_tls(void);
/* The same, with room for few bytes that were not taken yet. */
struct wire *wire_connect_narrow(void);
void wire_close(struct wire *wire);

/* False when the server has closed the connection. */
bool wire_send(struct wire *wire, const char *text);
/* Waits for the answer to text, a JSON object without another in it; it begins with status. */
void wire_exchange(struct wire *wire, const char *text, const char *status);

/* Takes at most so many bytes of what came; returns how many. */
size_t wire_take(struct wire *wire, size_t most);

/*
 * Sends the bytes of text, again and again, one every 50 ms (NULL: none), until the server closes
 * the connection. Returns after how many milliseconds that was; fails the test after 20 s.
 */
int64_t wire_time_until_cut(struct wire *wire, const char *text);
/* Whether the server has closed it by now. */
bool wire_is_cut(struct wire *wire);

#endif
