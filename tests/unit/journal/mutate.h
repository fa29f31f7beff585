/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Random damage for readers of text. Uses rand(), so that a run can be repeated. Threads: one. */
#ifndef TESTS_UNIT_JOURNAL_MUTATE_H
#define TESTS_UNIT_JOURNAL_MUTATE_H

#include <stddef.h>

/*
 * One to eight changes of *length bytes in a buffer of size bytes: bits, bytes and pieces changed,
 * removed, doubled, moved, numbers and signs of the formats inserted.
 */
void mutate(char *text, size_t *length, size_t size);

#endif
