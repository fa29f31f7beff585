/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The page of a trial. Owns no state. */
#include "cli/trial_page.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/text.h"

#define COLUMNS       80
#define TITLE_WIDTH   25
#define STATE_WIDTH   8
#define FINDING_AT    (2 + TITLE_WIDTH + 1 + STATE_WIDTH + 1)
#define ADVICE_INDENT 6
#define CELL_MAX      1024
#define GREEN         "\033[32m"
#define YELLOW        "\033[33m"
#define RED           "\033[31m"
#define PLAIN         "\033[0m"

void trial_page_wrap(FILE *out, const char *text, size_t at, size_t indent)
{
    size_t column = at;
    bool is_first = true;
    while (*(text += strspn(text, " ")) != '\0') {
        size_t length = strcspn(text, " ");
        if (!is_first && column + 1 + length > COLUMNS) {
            (void)fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            is_first = true;
        }
        (void)fprintf(out, "%s%.*s", is_first ? "" : " ", (int)length, text);
        column += length + !is_first;
        is_first = false;
        text += length;
    }
    (void)fputc('\n', out);
}

static const char *colour_of(const char *state)
{
    if (strcmp(state, "works") == 0)
        return GREEN;
    if (strcmp(state, "limited") == 0 || strcmp(state, "untried") == 0)
        return YELLOW;
    return RED;
}

static void copy(char *out, size_t size, const char *text)
{
    text_escape(text, out, size);
}

/* ---- progress ---- */

static void wipe(struct trial_page *page)
{
    if (page->is_drawn)
        (void)fputs("\r\033[K", stderr);
    page->is_drawn = false;
}

void trial_page_wait(struct trial_page *page)
{
    page->seconds++;
    if (page->title[0] == '\0' || !isatty(STDERR_FILENO))
        return;
    (void)fprintf(stderr, "\r\033[K%s, %u s", page->title, page->seconds);
    (void)fflush(stderr);
    page->is_drawn = true;
}

/* ---- lines ---- */

static void take_begin(struct trial_page *page, const struct trial_line *line)
{
    char section[TRIAL_TITLE_MAX];
    copy(page->title, sizeof page->title, line->field[2]);
    copy(section, sizeof section, line->field[3]);
    page->seconds = 0;
    if (strcmp(section, page->section) == 0)
        return;
    (void)fprintf(page->out, "%s%s\n", page->section[0] != '\0' ? "\n" : "", section);
    memcpy(page->section, section, sizeof section);
}

static void take_result(struct trial_page *page, const struct trial_line *line)
{
    char finding[CELL_MAX];
    char advice[CELL_MAX];
    char state[TRIAL_TITLE_MAX];
    copy(state, sizeof state, line->field[RESULT_STATE]);
    copy(finding, sizeof finding, line->field[RESULT_FINDING]);
    copy(advice, sizeof advice, line->field[RESULT_ADVICE]);
    (void)fprintf(page->out, "  %-*s %s%-*s%s ", TITLE_WIDTH, page->title,
                  page->is_coloured ? colour_of(state) : "", STATE_WIDTH, state,
                  page->is_coloured ? PLAIN : "");
    trial_page_wrap(page->out, finding, FINDING_AT, FINDING_AT);
    if (advice[0] != '\0') {
        (void)fprintf(page->out, "%*s", ADVICE_INDENT, "");
        trial_page_wrap(page->out, advice, ADVICE_INDENT, ADVICE_INDENT);
    }
    page->title[0] = '\0';
}

static void take_verdict(struct trial_page *page, const struct trial_line *line)
{
    char text[2 * CELL_MAX];
    copy(text, sizeof text, line->field[2]);
    if (page->section[0] != '\0')
        (void)fputc('\n', page->out);
    trial_page_wrap(page->out, text, 0, 0);
}

void trial_page_begin(struct trial_page *page, FILE *out)
{
    const char *terminal = getenv("TERM");
    const char *plain = getenv("NO_COLOR");
    *page = (struct trial_page){.out = out};
    page->is_coloured = isatty(fileno(out)) && terminal != NULL && strcmp(terminal, "dumb") != 0 &&
                        (plain == NULL || plain[0] == '\0');
}

void trial_page_hear(struct trial_page *page, const struct trial_line *line)
{
    wipe(page);
    if (strcmp(line->field[0], "begin") == 0)
        take_begin(page, line);
    else if (strcmp(line->field[0], "result") == 0)
        take_result(page, line);
    else if (strcmp(line->field[0], "verdict") == 0)
        take_verdict(page, line);
    (void)fflush(page->out);
}
