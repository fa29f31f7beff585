/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What must hold when the line is at its end, and how it is told. The chips' own state and both
 * accounts (line->before, line->after) must have been read. Threads: pure but for the output.
 */
#ifndef RIG_LINE_CHECKS_H
#define RIG_LINE_CHECKS_H

#include "rig/line/state.h"

#define LINE_CHECKS_MAX 9
#define LINE_CHECK_SIZE (LINE_CAUSE_SIZE + 80)

struct line_check {
    const char *name; /* for JSON */
    bool holds;
    char text[LINE_CHECK_SIZE]; /* for a person, with the numbers */
};

struct line_checks {
    struct line_check list[LINE_CHECKS_MAX];
    size_t count;
};

void line_checks_make(const struct line *line, struct line_checks *checks);
bool line_checks_hold(const struct line_checks *checks);
/*
 * The most frequent reason of the genuine chips of that fate, and how many gave it; "" and 0 when
 * there is none. Borrowed from the chip.
 */
const char *line_checks_reason(const struct line *line, enum line_fate fate, size_t *ret_count);
void line_checks_print(const struct line *line, const struct line_checks *checks);
/* Into the file of --json, if there is one. False after a complaint. */
bool line_checks_write_json(const struct line *line, const struct line_checks *checks);

#endif
