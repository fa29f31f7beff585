/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The options and operands of one command, parsed once and then immutable.
 *
 * One table names every option of every command; a command says with two lists which it demands
 * and which it takes. An option may be given once, but for a few that make a list. Five have a
 * default from the environment: they name files, an address and a product, never a secret. Threads:
 * immutable after arguments_parse.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/failure.h"
#include "cli/options.h"

#define ARGUMENTS_OPERANDS_MAX 2
#define ARGUMENTS_LIST_MAX     ((size_t)32) /* values of one option that makes a list */
#define ARGUMENTS_ITEMS_MAX    (2 * ARGUMENTS_LIST_MAX)

/* What a command takes. */
struct arguments_form {
    const char *name;     /* the words of the command, for messages */
    const char *operands; /* "PRODUCT DIGEST"; "" for none */
    unsigned operand_count;
    const enum option_id *required;
    const enum option_id *optional; /* --help and --json are always taken */
};

/* One value of an option that makes a list. */
struct arguments_item {
    enum option_id option;
    const char *value;
};

struct arguments {
    const char *command; /* its words */
    const struct arguments_form *form;
    const char *given[OPTION_COUNT]; /* from the command line; NULL when absent, "" for a flag */
    struct arguments_item items[ARGUMENTS_ITEMS_MAX]; /* in the order of the line */
    size_t item_count;
    const char *operands[ARGUMENTS_OPERANDS_MAX];
};

/*
 * Parses what follows the words of the command; argv[0] stands for them. The texts are borrowed
 * from argv. A wrong line is a usage failure that names the option and the nearest known one; so is
 * a name or a text that no service would take.
 * With --help nothing is demanded. argv is reordered, as getopt does.
 */
enum error arguments_parse(const struct arguments_form *form, int argc, char **argv,
                           struct arguments *ret_arguments, struct failure *failure) MUST_USE;

/* How the option is written, without its dashes. */
const char *arguments_name(enum option_id option);
/* True when the option stands on the command line. */
bool arguments_has(const struct arguments *arguments, enum option_id option);
/* The value, from the command line or else the environment; NULL when there is none. */
const char *arguments_get(const struct arguments *arguments, enum option_id option);
/* As arguments_get with a default. */
const char *arguments_get_or(const struct arguments *arguments, enum option_id option,
                             const char *otherwise);
/* The values of an option that makes a list; returns how many. */
size_t arguments_list(const struct arguments *arguments, enum option_id option,
                      const char *out[ARGUMENTS_LIST_MAX]);
/* A whole number between min and max; a usage failure otherwise. */
enum error arguments_get_number(const struct arguments *arguments, enum option_id option,
                                int64_t min, int64_t max, int64_t *ret_number,
                                struct failure *failure) MUST_USE;

/* A usage failure that names the first of the options that has no value. */
enum error arguments_demand(const struct arguments *arguments, const enum option_id *options,
                            struct failure *failure) MUST_USE;

/* The first of the options that stands on the command line; OPTION_COUNT when none does. */
enum option_id arguments_first(const struct arguments *arguments, const enum option_id *options);

/* Whether the form takes an option at all, and whether it must be there. */
bool arguments_form_takes(const struct arguments_form *form, size_t option);
bool arguments_form_demands(const struct arguments_form *form, size_t option);

/* Prints the options of a form, one line each. */
void arguments_print_options(const struct arguments_form *form, FILE *out);
/* Prints the line "--quota N [--profile NAME]" of a form, wrapped, to stand behind "Usage:". */
void arguments_print_usage(const struct arguments_form *form, FILE *out);

#endif
