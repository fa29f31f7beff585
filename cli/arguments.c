/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* getopt_long over the options that a command takes, and their values. Owns no state. */
#include "cli/arguments.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "core/bytes.h"

#define FIRST_VALUE         256 /* getopt's answers for our options, above every character */
#define SUGGESTION_DISTANCE 2

/* What the services take, checked here so that a wrong line never reaches them. */
#define NAME_BYTES 64

bool arguments_form_takes(const struct arguments_form *form, size_t option)
{
    const bool is_always_taken = option == OPTION_HELP || option == OPTION_JSON;
    return is_always_taken || options_have(form->required, option) ||
           options_have(form->optional, option);
}

bool arguments_form_demands(const struct arguments_form *form, size_t option)
{
    return options_have(form->required, option);
}

static void fill_getopt(const struct arguments_form *form, struct option *ret_long_options)
{
    size_t count = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (arguments_form_takes(form, i))
            ret_long_options[count++] = (struct option){
                .name = OPTION_ROWS[i].name,
                .has_arg = OPTION_ROWS[i].value != NULL ? required_argument : no_argument,
                .val = FIRST_VALUE + (int)i};
    }
    ret_long_options[count] = (struct option){0};
}

/* The nearest option of the form to a wrong one; NULL when none is near. */
static const char *nearest_option(const struct arguments_form *form, const char *wrong)
{
    const char *nearest = NULL;
    unsigned least = SUGGESTION_DISTANCE + 1;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        unsigned distance =
            arguments_form_takes(form, i) ? text_distance(wrong, OPTION_ROWS[i].name) : least;
        if (distance < least) {
            least = distance;
            nearest = OPTION_ROWS[i].name;
        }
    }
    return nearest;
}

static enum error fail_unknown(const struct arguments_form *form, const char *wrong,
                               struct failure *failure)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(wrong, "="), wrong);
    const char *nearest = nearest_option(form, name + strspn(name, "-"));
    if (nearest != NULL)
        return failure_set_usage(failure, "Unknown option %s; did you mean --%s?", name, nearest);
    return failure_set_usage(failure, "Unknown option %s. See provctl %s --help", name, form->name);
}

static enum error take_item(enum option_id option, struct arguments *arguments,
                            struct failure *failure)
{
    const char *values[ARGUMENTS_LIST_MAX];
    if (arguments_list(arguments, option, values) == ARGUMENTS_LIST_MAX ||
        arguments->item_count == ARGUMENTS_ITEMS_MAX)
        return failure_set_usage(failure, "--%s can be given %zu times at most",
                                 OPTION_ROWS[option].name, ARGUMENTS_LIST_MAX);
    arguments->items[arguments->item_count++] =
        (struct arguments_item){.option = option, .value = optarg};
    arguments->given[option] = optarg;
    return ERR_OK;
}

static enum error take_option(int answer, struct arguments *arguments, struct failure *failure)
{
    int option = answer - FIRST_VALUE;
    if (option_makes_list((size_t)option))
        return take_item((enum option_id)option, arguments, failure);
    if (arguments->given[option] != NULL)
        return failure_set_usage(failure, "The option --%s is given twice",
                                 OPTION_ROWS[option].name);
    arguments->given[option] = optarg != NULL ? optarg : "";
    return ERR_OK;
}

/* What getopt did not like; the wrong word is the one before optind, but for short options. */
static enum error fail_option(const struct arguments_form *form, int answer, const char *word,
                              struct failure *failure)
{
    const char short_option[] = {'-', (char)optopt, '\0'};
    if (answer == ':')
        return failure_set_usage(failure, "The option %s wants a value", word);
    if (optopt >= FIRST_VALUE)
        return failure_set_usage(failure, "The option --%s takes no value",
                                 OPTION_ROWS[optopt - FIRST_VALUE].name);
    return fail_unknown(form, optopt != 0 ? short_option : word, failure);
}

static enum error take_options(const struct arguments_form *form, int argc, char **argv,
                               struct arguments *arguments, struct failure *failure)
{
    struct option long_options[OPTION_COUNT + 1];
    enum error e = ERR_OK;
    int answer = 0;
    fill_getopt(form, long_options);
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    while (e == ERR_OK && (answer = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
        if (answer == 'h')
            arguments->given[OPTION_HELP] = "";
        else if (answer >= FIRST_VALUE)
            e = take_option(answer, arguments, failure);
        else
            e = fail_option(form, answer, argv[optind - 1], failure);
    }
    return e;
}

static enum error take_operands(const struct arguments_form *form, int count, char **operands,
                                struct arguments *arguments, struct failure *failure)
{
    unsigned given = count > 0 ? (unsigned)count : 0;
    if (given > form->operand_count)
        return failure_set_usage(failure, "Unexpected argument %s. See provctl %s --help",
                                 operands[form->operand_count], form->name);
    if (given < form->operand_count)
        return failure_set_usage(failure, "Missing argument: provctl %s %s", form->name,
                                 form->operands);
    for (unsigned i = 0; i < given; i++)
        arguments->operands[i] = operands[i];
    return ERR_OK;
}

enum error arguments_demand(const struct arguments *arguments, const enum option_id *options,
                            struct failure *failure)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!options_have(options, i) || arguments_get(arguments, (enum option_id)i) != NULL)
            continue;
        if (OPTION_ROWS[i].environment != NULL)
            return failure_set_usage(failure, "The option --%s %s is missing (or set %s)",
                                     OPTION_ROWS[i].name, OPTION_ROWS[i].value,
                                     OPTION_ROWS[i].environment);
        return failure_set_usage(failure, "The option --%s %s is missing", OPTION_ROWS[i].name,
                                 OPTION_ROWS[i].value);
    }
    return ERR_OK;
}

static enum error fail_name(const char *what, const char *text, struct failure *failure)
{
    return failure_set_usage(failure,
                             "%s is not a name: \"%.100s\". A name is 1 to %d of A-Z a-z 0-9 . _ - "
                             "and begins with a letter or a digit",
                             what, text, NAME_BYTES);
}

static enum error check_line(size_t option, const char *text, struct failure *failure)
{
    const char *name = OPTION_ROWS[option].name;
    if (strlen(text) > OPTION_LINE_MAX_BYTES[option])
        return failure_set_usage(failure, "--%s is at most %zu bytes", name,
                                 OPTION_LINE_MAX_BYTES[option]);
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == '\x7f')
            return failure_set_usage(failure, "--%s holds a control character", name);
    }
    return ERR_OK;
}

/* An operand that is called "PRODUCT" or "NAME" is a name as well. */
static enum error check_operands(const struct arguments_form *form,
                                 const struct arguments *arguments, struct failure *failure)
{
    const char *word = form->operands;
    for (unsigned i = 0; i < form->operand_count; i++) {
        char called[16];
        size_t length = strcspn(word, " ");
        (void)snprintf(called, sizeof called, "%.*s", (int)length, word);
        bool is_name = strcmp(called, "NAME") == 0 || strcmp(called, "PRODUCT") == 0;
        if (is_name && !name_is_valid(arguments->operands[i], NAME_BYTES))
            return fail_name(called, arguments->operands[i], failure);
        word += length + (word[length] == ' ');
    }
    return ERR_OK;
}

/* From the line or from the environment; the failure says which. */
static enum error check_name(size_t option, const struct arguments *arguments,
                             struct failure *failure)
{
    char called[40];
    const char *text = arguments_get(arguments, (enum option_id)option);
    if (text == NULL || name_is_valid(text, NAME_BYTES))
        return ERR_OK;
    (void)snprintf(called, sizeof called, "--%s", OPTION_ROWS[option].name);
    bool is_given = arguments_has(arguments, (enum option_id)option);
    return fail_name(is_given ? called : OPTION_ROWS[option].environment, text, failure);
}

static enum error check_item(const struct arguments_item *item, struct failure *failure)
{
    if (OPTION_LINE_MAX_BYTES[item->option] == 0)
        return name_is_valid(item->value, NAME_BYTES)
                   ? ERR_OK
                   : fail_name("--product", item->value, failure);
    if (item->value[0] == '\0')
        return failure_set_usage(failure, "--%s wants a text", OPTION_ROWS[item->option].name);
    return check_line(item->option, item->value, failure);
}

static enum error check_values(const struct arguments_form *form, const struct arguments *arguments,
                               struct failure *failure)
{
    enum error e = check_operands(form, arguments, failure);
    for (size_t i = 0; i < OPTION_COUNT && e == ERR_OK; i++) {
        bool is_name = i == OPTION_PRODUCT || i == OPTION_SITE || i == OPTION_STATION ||
                       i == OPTION_OF_STATION;
        if (is_name && arguments_form_takes(form, i))
            e = check_name(i, arguments, failure);
        else if (arguments->given[i] != NULL && OPTION_LINE_MAX_BYTES[i] > 0)
            e = check_line(i, arguments->given[i], failure);
    }
    for (size_t i = 0; i < arguments->item_count && e == ERR_OK; i++)
        e = check_item(&arguments->items[i], failure);
    return e;
}

enum error arguments_parse(const struct arguments_form *form, int argc, char **argv,
                           struct arguments *ret_arguments, struct failure *failure)
{
    struct arguments arguments = {.command = form->name, .form = form};
    enum error e = take_options(form, argc, argv, &arguments, failure);
    if (e == ERR_OK && !arguments_has(&arguments, OPTION_HELP)) {
        e = take_operands(form, argc - optind, argv + optind, &arguments, failure);
        if (e == ERR_OK)
            e = arguments_demand(&arguments, form->required, failure);
        if (e == ERR_OK)
            e = check_values(form, &arguments, failure);
    }
    if (e == ERR_OK)
        *ret_arguments = arguments;
    return e;
}

const char *arguments_name(enum option_id option)
{
    return OPTION_ROWS[option].name;
}

bool arguments_has(const struct arguments *arguments, enum option_id option)
{
    return arguments->given[option] != NULL;
}

enum option_id arguments_first(const struct arguments *arguments, const enum option_id *options)
{
    while (*options != OPTION_COUNT && !arguments_has(arguments, *options))
        options++;
    return *options;
}

const char *arguments_get(const struct arguments *arguments, enum option_id option)
{
    const char *value = arguments->given[option];
    if (value == NULL && OPTION_ROWS[option].environment != NULL) {
        value = getenv(OPTION_ROWS[option].environment);
        if (value != NULL && value[0] == '\0')
            value = NULL;
    }
    return value;
}

const char *arguments_get_or(const struct arguments *arguments, enum option_id option,
                             const char *otherwise)
{
    const char *value = arguments_get(arguments, option);
    return value != NULL ? value : otherwise;
}

size_t arguments_list(const struct arguments *arguments, enum option_id option,
                      const char *out[ARGUMENTS_LIST_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < arguments->item_count; i++) {
        if (arguments->items[i].option == option && count < ARGUMENTS_LIST_MAX)
            out[count++] = arguments->items[i].value;
    }
    return count;
}

enum error arguments_get_number(const struct arguments *arguments, enum option_id option,
                                int64_t min, int64_t max, int64_t *ret_number,
                                struct failure *failure)
{
    const char *text = arguments_get_or(arguments, option, "");
    if (text_parse_number(text, min, max, ret_number))
        return ERR_OK;
    return failure_set_usage(failure, "--%s wants a whole number from %" PRId64 " to %" PRId64,
                             OPTION_ROWS[option].name, min, max);
}
