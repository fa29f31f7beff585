/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Every change is one replacement of a piece by another one. */
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_MAX 64

static size_t below(size_t limit)
{
    return limit == 0 ? 0 : (size_t)rand() % limit;
}

/* Replaces removed bytes at a place by count others; what does not fit is left alone. */
static void replace(char *text, size_t *length, size_t size, size_t at, size_t removed,
                    const char *bytes, size_t count)
{
    if (removed > *length - at)
        removed = *length - at;
    if (*length - removed + count > size)
        return;
    memmove(text + at + count, text + at + removed, *length - at - removed);
    memcpy(text + at, bytes, count);
    *length = *length - removed + count;
}

static void change_bit(char *text, size_t length)
{
    if (length > 0)
        text[below(length)] ^= (char)(1 << below(8));
}

/* Removes, doubles or moves a piece. */
static void change_piece(char *text, size_t *length, size_t size)
{
    char piece[PIECE_MAX];
    size_t from = below(*length + 1);
    size_t count = below(PIECE_MAX);
    if (count > *length - from)
        count = *length - from;
    memcpy(piece, text + from, count);
    if (below(2) == 0)
        replace(text, length, size, from, count, "", 0);
    if (below(2) == 0)
        replace(text, length, size, below(*length + 1), below(2) * count, piece, count);
}

static void insert_token(char *text, size_t *length, size_t size)
{
    static const char *const tokens[] = {
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "\xe2\x80\x94 ",
        "=",
        "+",
        "-1",
        "0",
        "00",
        "1099511627776",
        "1099511627777",
        "9223372036854775807",
        "18446744073709551616",
        "1e3",
        "1.5",
        "null",
        "{",
        "}",
        "[",
        "]",
        "\"",
        ",",
        ":",
        "\\u0000",
        "\\u0041",
        "\\",
        "/",
        "x",
        ".p/",
        "entries/",
        "\"leaves\":",
        "\"a\":{}",
        "A",
        "AAAA",
        "AA==",
        "\xff",
        "\xc3\xa4",
    };
    const char *token = tokens[below(sizeof tokens / sizeof tokens[0])];
    replace(text, length, size, below(*length + 1), below(3), token, strlen(token));
}

static void insert_byte(char *text, size_t *length, size_t size)
{
    char byte = (char)rand();
    replace(text, length, size, below(*length + 1), below(2), &byte, 1);
}

void mutate(char *text, size_t *length, size_t size)
{
    for (size_t left = 1 + below(8) * below(2); left > 0; left--) {
        switch (below(5)) {
        case 0:
            change_bit(text, *length);
            break;
        case 1:
            change_piece(text, length, size);
            break;
        case 2:
            insert_token(text, length, size);
            break;
        case 3:
            insert_byte(text, length, size);
            break;
        default:
            if (below(8) == 0)
                *length = below(*length + 1);
            break;
        }
    }
}
