/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Text of others on our terminal: escaping, numbers, and the nearest known word.
 *
 * A server, a vault or a file may hold any bytes; an escape sequence among them must not reach the
 * terminal of the person who asked. Threads: pure functions.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_TEXT_SIZE   24 /* an int64_t in decimal, with sign and NUL */
#define TEXT_DURATION_SIZE 48

/*
 * Copies text with every control character (C0, DEL, C1), every character that turns the direction
 * of writing, and every byte that is not UTF-8 written as \xNN. Cuts at a whole character when out
 * is full. out always ends in NUL; size is at least 1.
 */
void text_escape(const char *text, char *out, size_t size);

/* Where the second sentence of text begins; its end when there is one alone. */
const char *text_second_sentence(const char *text);

/* A decimal number between min and max, digits only; false for anything else. */
bool text_parse_number(const char *text, int64_t min, int64_t max, int64_t *ret_number);

/*
 * An address: "0x" and hex digits; false for anything else. A decimal number is refused, since
 * whoever writes 8000000 means 0x8000000.
 */
bool text_parse_address(const char *text, uint64_t *ret_address);

/* 1 to max bytes as hex digits in either case; out is untouched unless it is true. */
bool text_parse_hex(const char *text, uint8_t *out, size_t max, size_t *ret_length);

/* A time in minutes: a number and m, h or d, such as 8h; false for anything else. */
bool text_parse_minutes(const char *text, uint32_t max, uint32_t *ret_minutes);
/* The same as it is written: in the largest unit that needs no fraction. Returns out. */
char *text_minutes(uint32_t minutes, char out[NUMBER_TEXT_SIZE]);

/* How long to wait, rounded up: "40 s", "12 min", "3 h 12 min", "2 d 4 h". Returns out. */
char *text_duration(int64_t seconds, char out[TEXT_DURATION_SIZE]);

/* value in decimal; returns out. */
char *text_number(int64_t value, char out[NUMBER_TEXT_SIZE]);

/* Single-character edits between two words; words beyond 32 characters are compared up to there. */
unsigned text_distance(const char *a, const char *b);

#endif
