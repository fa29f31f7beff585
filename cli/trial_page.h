/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a trial finds, for people: a line for each probe as it ends, in 80 columns, what it means
 * below, and the verdict. Colours on a terminal alone, and not when NO_COLOR is set. Threads: main.
 */
#ifndef CLI_TRIAL_PAGE_H
#define CLI_TRIAL_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/trial.h"

#define TRIAL_TITLE_MAX 64

struct trial_page {
    FILE *out;
    bool is_coloured;
    char section[TRIAL_TITLE_MAX]; /* under which the last line stands */
    char title[TRIAL_TITLE_MAX];   /* of the probe that runs */
    unsigned seconds;              /* for which it has run */
    bool is_drawn;                 /* there is a line of progress on standard error */
};

void trial_page_begin(struct trial_page *page, FILE *out);
void trial_page_hear(struct trial_page *page, const struct trial_line *line);
/* Another second has passed. */
void trial_page_wait(struct trial_page *page);

/* text in lines of at most 80 columns, each after `indent` blanks but the first, which begins at
 * column `at`; a line end behind the last. For trial_page.c and its test. */
void trial_page_wrap(FILE *out, const char *text, size_t at, size_t indent);

#endif
