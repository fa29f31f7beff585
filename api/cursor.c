/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Cursors are base64 with two other characters and no padding. Owns no state. */
#include "api/cursor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_reader.h"
#include "core/bytes.h"

#define VALUE_MAX    (1 + API_NAME_MAX_BYTES) /* the list's byte and the value */
#define NUMBER_BYTES 8
#define QUANTUM      4 /* characters of base64 that belong together */
static_assert((VALUE_MAX + 2) / 3 * QUANTUM < CURSOR_SIZE, "a cursor has its room");

static void swap(char *text, char from, char to)
{
    for (char *at = strchr(text, from); at != NULL; at = strchr(at, from))
        *at = to;
}

static bool encode(enum cursor_list list, struct bytes value, char out[CURSOR_SIZE])
{
    uint8_t bytes[VALUE_MAX];
    char *text = NULL;
    assert(value.length < sizeof bytes);
    bytes[0] = (uint8_t)list;
    if (value.length > 0)
        memcpy(bytes + 1, value.data, value.length);
    if (base64_encode(bytes_of(bytes, value.length + 1), &text) != ERR_OK)
        return false;
    swap(text, '+', '-');
    swap(text, '/', '_');
    text[strcspn(text, "=")] = '\0';
    strcpy(out, text);
    free(text);
    return true;
}

/* Writes the value without the list's byte. */
static bool decode(const char *cursor, enum cursor_list list, uint8_t out[API_NAME_MAX_BYTES],
                   size_t *ret_length)
{
    char text[CURSOR_SIZE + QUANTUM];
    uint8_t bytes[VALUE_MAX];
    size_t length = 0;
    if (strlen(cursor) >= CURSOR_SIZE || strpbrk(cursor, "+/=") != NULL)
        return false;
    strcpy(text, cursor);
    swap(text, '-', '+');
    swap(text, '_', '/');
    while (strlen(text) % QUANTUM != 0)
        strcat(text, "=");
    if (base64_decode(text, bytes, sizeof bytes, &length) != ERR_OK || length == 0 ||
        bytes[0] != (uint8_t)list)
        return false;
    memcpy(out, bytes + 1, length - 1);
    *ret_length = length - 1;
    return true;
}

bool cursor_of_number(enum cursor_list list, int64_t number, char out[CURSOR_SIZE])
{
    uint8_t bytes[NUMBER_BYTES];
    for (unsigned i = 0; i < NUMBER_BYTES; i++)
        bytes[i] = (uint8_t)((uint64_t)number >> 8 * (NUMBER_BYTES - 1 - i));
    return encode(list, bytes_of(bytes, sizeof bytes), out);
}

bool cursor_of_text(enum cursor_list list, const char *text, char out[CURSOR_SIZE])
{
    return encode(list, bytes_of(text, strlen(text)), out);
}

bool cursor_number(const char *cursor, enum cursor_list list, int64_t *ret_number)
{
    uint8_t value[API_NAME_MAX_BYTES];
    uint64_t number = 0;
    size_t length = 0;
    if (!decode(cursor, list, value, &length) || length != NUMBER_BYTES)
        return false;
    for (unsigned i = 0; i < NUMBER_BYTES; i++)
        number = number << 8 | value[i];
    if (number == 0 || number > INT64_MAX)
        return false;
    *ret_number = (int64_t)number;
    return true;
}

bool cursor_text(const char *cursor, enum cursor_list list, char out[API_NAME_MAX_BYTES + 1])
{
    uint8_t value[API_NAME_MAX_BYTES];
    size_t length = 0;
    if (!decode(cursor, list, value, &length))
        return false;
    struct bytes text = bytes_of(value, length);
    if (text_has_control(text) || !text_is_utf8(text))
        return false;
    memcpy(out, value, length);
    out[length] = '\0';
    return true;
}
