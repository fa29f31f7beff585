/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bytes that grow and get damaged, and the numbers that decide how: the same seed gives the same
 * damage. Out of memory ends the process. Threads: one per value.
 */
#ifndef TESTS_E2E_HOSTILE_TEXT_H
#define TESTS_E2E_HOSTILE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* The n-th of many dice that one seed gives. */
struct dice dice_of(uint64_t seed, uint64_t n);
/* 0 to sides - 1; sides is at least 1. */
size_t dice_roll(struct dice *dice, size_t sides);
bool dice_in_100(struct dice *dice, unsigned percent);

struct text {
    char *data;
    size_t length;
    size_t room;
};

void text_add(struct text *text, const void *data, size_t length);
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_fill(struct text *text, char character, size_t count);
void text_random(struct text *text, struct dice *dice, size_t count);
/* Puts length bytes in the place of removed bytes at a position; both lie within the text. */
void text_splice(struct text *text, size_t at, size_t removed, const void *data, size_t length);
/* Changes, removes, repeats, moves or adds some bytes anywhere. */
void text_damage(struct text *text, struct dice *dice);
void text_clear(struct text *text);

#endif
