/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The parts of `./dev bench`, each a word and a test with a rig of its own. */
#ifndef BENCH_PARTS_H
#define BENCH_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "report.h"

extern const char *const PARTS_WORDS[];
extern const size_t PARTS_COUNT;

/* Whether --quick without a word means it, too. */
bool parts_is_quick(size_t part);
/* Runs one and returns 0, or 1: something in it was not as it must be. */
int parts_run(size_t part, bool is_quick, struct report *report);

#endif
