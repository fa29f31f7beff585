/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What must hold when the line is at its end, and how it is told. The chips' own state and both
 * accounts (line->before, line->after) must have been read. Threads: pure but for the output.
 */
#ifndef RIG_LINE_CHECKS_H
#define RIG_LINE_CHECKS_H

#include "rig/line/state.h"

#define LINE_CHECKS_MAX 8

struct line_check {
    const char *name; /* for JSON */
    bool holds;
    char text[120]; /* for a person, with the numbers */
};

struct line_checks {
    struct line_check list[LINE_CHECKS_MAX];
    size_t count;
};

void line_checks_make(const struct line *line, struct line_checks *checks);
bool line_checks_hold(const struct line_checks *checks);
void line_checks_print(const struct line *line, const struct line_checks *checks);
/* Into the file of --json, if there is one. False after a complaint. */
bool line_checks_write_json(const struct line *line, const struct line_checks *checks);

#endif
