/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Opaque cursors: where the next page of a list begins, as a text for a URL.
 *
 * base64url without padding of a byte that says which list it is good for, and the value. Nothing
 * is signed: a client that makes up a cursor sees what it may see, from another place on.
 * Threads: pure functions.
 */
#ifndef API_CURSOR_H
#define API_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "api/api_limits.h"

#define CURSOR_SIZE 89 /* of a name's longest text, with NUL */

/* The first byte; a list whose values change their meaning gets another one. */
enum cursor_list {
    CURSOR_INSTALLS = 'i',
    CURSOR_GRANTS = 'g',
    CURSOR_LOTS = 'l',
    CURSOR_DAYS = 'd',
    CURSOR_STATIONS = 's',
};

/* false: memory is out. number is positive, text at most API_NAME_MAX_BYTES. */
bool cursor_of_number(enum cursor_list list, int64_t number, char out[CURSOR_SIZE]);
bool cursor_of_text(enum cursor_list list, const char *text, char out[CURSOR_SIZE]);

/* false: it is no cursor of that list. */
bool cursor_number(const char *cursor, enum cursor_list list, int64_t *ret_number);
bool cursor_text(const char *cursor, enum cursor_list list, char out[API_NAME_MAX_BYTES + 1]);

#endif
