/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The options of a command in words. Owns no state. */
#include <string.h>

#include "cli/arguments.h"

#define USAGE_WIDTH 78

void arguments_print_options(const struct arguments_form *form, FILE *out)
{
    char left[64];
    size_t width = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        option_format(i, left, sizeof left);
        if (arguments_form_takes(form, i) && strlen(left) > width)
            width = strlen(left);
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!arguments_form_takes(form, i))
            continue;
        option_format(i, left, sizeof left);
        (void)fprintf(out, "  %-*s  %s", (int)width, left, OPTION_ROWS[i].help);
        if (OPTION_ROWS[i].environment != NULL)
            (void)fprintf(out, " [%s]", OPTION_ROWS[i].environment);
        (void)fputc('\n', out);
    }
}

/* Prints one word of the usage line, on a new line where it would not fit. */
static void print_wrapped(FILE *out, const char *word, size_t *column)
{
    size_t length = strlen(word);
    if (*column + 1 + length > USAGE_WIDTH) {
        (void)fputs("\n       ", out);
        *column = 7;
    }
    (void)fprintf(out, " %s", word);
    *column += 1 + length;
}

void arguments_print_usage(const struct arguments_form *form, FILE *out)
{
    char option[64];
    char word[72];
    size_t column = strlen("Usage:");
    print_wrapped(out, "provctl", &column);
    print_wrapped(out, form->name, &column);
    for (size_t i = OPTION_SOCKET; i < OPTION_COUNT; i++) {
        if (!arguments_form_takes(form, i))
            continue;
        option_format(i, option, sizeof option);
        const bool is_demanded = arguments_form_demands(form, i);
        (void)snprintf(word, sizeof word, "%s%s%s%s", is_demanded ? "" : "[", option,
                       is_demanded ? "" : "]", option_makes_list(i) ? "..." : "");
        print_wrapped(out, word, &column);
    }
    if (form->operands[0] != '\0')
        print_wrapped(out, form->operands, &column);
    (void)fputc('\n', out);
}
