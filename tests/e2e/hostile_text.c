/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The dice are splitmix64: any state is a good one. */
#include "e2e/hostile_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 1024
#define RUN_MAX    40
#define PRINT_MAX  4096

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

struct dice dice_of(uint64_t seed, uint64_t n)
{
    uint64_t mixed = seed;
    return (struct dice){.state = next(&mixed) ^ (n * 0xd1342543de82ef95U)};
}

size_t dice_roll(struct dice *dice, size_t sides)
{
    return (size_t)(next(&dice->state) % sides);
}

bool dice_in_100(struct dice *dice, unsigned percent)
{
    return dice_roll(dice, 100) < percent;
}

static void make_room(struct text *text, size_t more)
{
    if (text->data != NULL && text->room - text->length > more)
        return;
    text->room = 2 * (text->length + more) + FIRST_ROOM;
    text->data = realloc(text->data, text->room);
    if (text->data == NULL)
        abort();
}

void text_add(struct text *text, const void *data, size_t length)
{
    make_room(text, length);
    memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_print(struct text *text, const char *format, ...)
{
    char line[PRINT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof line)
        abort();
    text_add(text, line, (size_t)length);
}

void text_fill(struct text *text, char character, size_t count)
{
    make_room(text, count);
    memset(text->data + text->length, character, count);
    text->length += count;
    text->data[text->length] = '\0';
}

void text_random(struct text *text, struct dice *dice, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char byte = (char)dice_roll(dice, 256);
        text_add(text, &byte, 1);
    }
}

void text_splice(struct text *text, size_t at, size_t removed, const void *data, size_t length)
{
    struct text tail = {0};
    text_add(&tail, text->data + at + removed, text->length - at - removed);
    text->length = at;
    text_add(text, data, length);
    text_add(text, tail.data, tail.length);
    text_clear(&tail);
}

void text_damage(struct text *text, struct dice *dice)
{
    struct text piece = {0};
    if (text->length == 0)
        return;
    size_t at = dice_roll(dice, text->length);
    size_t run = dice_roll(dice, RUN_MAX) % (text->length - at) + 1;
    switch (dice_roll(dice, 5)) {
    case 0: /* one byte becomes another */
        text->data[at] = (char)dice_roll(dice, 256);
        break;
    case 1: /* some are missing */
        text_splice(text, at, run, "", 0);
        break;
    case 2: /* some come again */
        text_add(&piece, text->data + at, run);
        text_splice(text, dice_roll(dice, text->length), 0, piece.data, piece.length);
        break;
    case 3: /* noise between them */
        text_random(&piece, dice, run);
        text_splice(text, at, 0, piece.data, piece.length);
        break;
    default: /* noise instead of them */
        text_random(&piece, dice, run);
        text_splice(text, at, run, piece.data, piece.length);
        break;
    }
    text_clear(&piece);
}

void text_clear(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}
