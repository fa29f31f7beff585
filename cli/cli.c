/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Dispatch and help. Owns no state. */
#include "cli/cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/text.h"

#define SUGGESTION_DISTANCE 2
#define NAME_MAX_BYTES      64
#define OVERVIEW_LINE       "  %-31s %s\n"

/* How many words of argv are the command's name; 0 when argv does not begin with it. */
static int count_words(const struct command *command, int argc, char **argv)
{
    char name[NAME_MAX_BYTES];
    const char *wanted = command->form.name;
    if (argc < 1)
        return 0;
    if (strchr(wanted, ' ') == NULL)
        return strcmp(argv[0], wanted) == 0;
    if (argc < 2)
        return 0;
    (void)snprintf(name, sizeof name, "%s %s", argv[0], argv[1]);
    return strcmp(name, wanted) == 0 ? 2 : 0;
}

static const struct command *find_command(int argc, char **argv, int *ret_words)
{
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        const struct command_group *group = &COMMAND_GROUP_TABLE[g];
        for (size_t i = 0; i < group->count; i++) {
            *ret_words = count_words(&group->commands[i], argc, argv);
            if (*ret_words > 0)
                return &group->commands[i];
        }
    }
    return NULL;
}

/* ---- help ---- */

/* Commands that belong together are one line of the overview. */
static const struct {
    const char *name; /* of the first; the others follow it in the table */
    size_t count;
    const char *shown;
    const char *summary;
} LINES[] = {
    {"product create", 3, "product create|show|list", "add local products, show products"},
    {"budget set", 3, "budget set|remove|list", "limit a station's or a shift's units"},
    {"grant apply", 2, "grant apply|list", "take a signed document, list what was taken"},
    {"grant new", 2, "grant new|inspect", "write a document to be signed, read one"},
    {"image list", 5, "image list|enable|disable|...", "show, allow, alias, unalias images"},
    {"station add", 4, "station add|list|enable|disable", "enrol stations, let them ask"},
    {"journal export", 2, "journal export|override", "for the auditor; after a restored ledger"},
};

static size_t print_shared_line(const char *name, FILE *out)
{
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        if (strcmp(LINES[i].name, name) != 0)
            continue;
        (void)fprintf(out, OVERVIEW_LINE, LINES[i].shown, LINES[i].summary);
        return LINES[i].count;
    }
    return 0;
}

/* Returns how many rows of the table the line stands for. */
static size_t print_overview_line(const struct command *command, FILE *out)
{
    char left[NAME_MAX_BYTES];
    size_t rows = print_shared_line(command->form.name, out);
    if (rows > 0)
        return rows;
    (void)snprintf(left, sizeof left, "%s %s", command->form.name, command->form.operands);
    (void)fprintf(out, OVERVIEW_LINE, left, command->summary);
    return 1;
}

static void print_overview(FILE *out)
{
    (void)fputs("Usage: provctl COMMAND [OPTION]...   (provctl COMMAND --help explains it)\n", out);
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        const struct command_group *group = &COMMAND_GROUP_TABLE[g];
        (void)fprintf(out, "%s\n", group->title);
        for (size_t i = 0; i < group->count;)
            i += print_overview_line(&group->commands[i], out);
    }
    (void)fputs("Exit: 0 done, 10 quota, 11 forbidden, 12 13 device refused, 20 again, 64 usage\n",
                out);
}

static void print_help(const struct command *command)
{
    (void)fputs("Usage:", stdout);
    arguments_print_usage(&command->form, stdout);
    (void)printf("\nprovctl %s: %s.\n", command->form.name, command->summary);
    if (command->help[0] != '\0')
        (void)printf("%s\n", command->help);
    (void)fputs("\nOptions:\n", stdout);
    arguments_print_options(&command->form, stdout);
}

/* The commands whose first word is that; false when there are none. */
static bool print_group_help(const char *word)
{
    bool is_found = false;
    size_t length = strlen(word);
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        for (size_t i = 0; i < COMMAND_GROUP_TABLE[g].count; i++) {
            const struct command *command = &COMMAND_GROUP_TABLE[g].commands[i];
            if (strncmp(command->form.name, word, length) != 0 || command->form.name[length] != ' ')
                continue;
            if (!is_found)
                (void)printf("Usage: provctl %s COMMAND [OPTION]...\n", word);
            (void)printf("  provctl %s %-*s %s\n", command->form.name,
                         (int)(26 - strlen(command->form.name)), command->form.operands,
                         command->summary);
            is_found = true;
        }
    }
    return is_found;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* ---- a command that does not exist ---- */

/* The command of a group that is nearer than *least, which it lowers; else the one so far. */
static const char *nearest_of_group(const struct command_group *group, const char *typed,
                                    const char *nearest, unsigned *least)
{
    for (size_t i = 0; i < group->count; i++) {
        unsigned distance = text_distance(typed, group->commands[i].form.name);
        if (distance < *least) {
            *least = distance;
            nearest = group->commands[i].form.name;
        }
    }
    return nearest;
}

static const char *nearest_command(const char *typed)
{
    const char *nearest = NULL;
    unsigned least = SUGGESTION_DISTANCE + 1;
    for (size_t g = 0; g < COMMAND_GROUPS; g++)
        nearest = nearest_of_group(&COMMAND_GROUP_TABLE[g], typed, nearest, &least);
    return nearest;
}

/* "encrypt, list, enable": the second words of the commands that begin with first; "" for none. */
static void list_second_words(const char *first, char *out, size_t size)
{
    size_t length = strlen(first);
    out[0] = '\0';
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        for (size_t i = 0; i < COMMAND_GROUP_TABLE[g].count; i++) {
            const char *name = COMMAND_GROUP_TABLE[g].commands[i].form.name;
            size_t used = strlen(out);
            if (strncmp(name, first, length) == 0 && name[length] == ' ')
                (void)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "",
                               name + length + 1);
        }
    }
}

static enum error fail_command(int argc, char **argv, struct failure *failure)
{
    char typed[NAME_MAX_BYTES];
    char words[NAME_MAX_BYTES];
    bool has_second = argc > 1 && argv[1][0] != '-';
    if (argv[0][0] == '-')
        return failure_set_usage(failure, "%s is no command. See provctl help", argv[0]);
    (void)snprintf(typed, sizeof typed, "%s%s%s", argv[0], has_second ? " " : "",
                   has_second ? argv[1] : "");
    const char *nearest = nearest_command(typed);
    list_second_words(argv[0], words, sizeof words);
    bool is_of_group = nearest != NULL && strncmp(nearest, argv[0], strlen(argv[0])) == 0;
    if (words[0] != '\0' && !is_of_group)
        return failure_set_usage(failure, "After %s comes one of: %s", argv[0], words);
    if (nearest == NULL)
        nearest = nearest_command(argv[0]);
    if (nearest != NULL)
        return failure_set_usage(failure, "Unknown command %s; did you mean provctl %s?", typed,
                                 nearest);
    return failure_set_usage(failure, "Unknown command %s. See provctl help", typed);
}

/* ---- running ---- */

/* An error object is for machines that asked for JSON, wherever on the line they did. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}

static enum error run(int argc, char **argv, struct failure *failure)
{
    struct arguments arguments;
    int words = 0;
    const struct command *command = find_command(argc, argv, &words);
    if (command == NULL && argc == 2 && is_help(argv[1]) && print_group_help(argv[0]))
        return ERR_OK;
    if (command == NULL)
        return fail_command(argc, argv, failure);
    /* getopt takes the element before the options for the program's name. */
    enum error e =
        arguments_parse(&command->form, argc - words + 1, argv + words - 1, &arguments, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(&arguments, OPTION_HELP)) {
        print_help(command);
        return ERR_OK;
    }
    return command->run(&arguments, failure);
}

/* A result that could not be printed was not delivered: a full disk must not look like success. */
static enum error flush_output(struct failure *failure)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return ERR_OK;
    return failure_set_plain(failure, ERR_CONFIG, "Standard output cannot be written");
}

static int run_and_report(int argc, char **argv)
{
    struct failure failure = {.code = ERR_OK};
    bool is_json = wants_json(argc, argv);
    enum error e = run(argc, argv, &failure);
    if (e == ERR_OK)
        e = flush_output(&failure);
    if (e == ERR_OK)
        return EXIT_CODE_DONE;
    failure_print(&failure, stderr);
    if (is_json && !failure.is_told)
        failure_print_json(&failure, stdout);
    (void)fflush(stdout);
    return (int)failure.exit;
}

/* "help" before the words of a command is "--help" behind them. */
static int run_help(int argc, char **argv)
{
    int words = 0;
    const struct command *command = find_command(argc, argv, &words);
    if (command != NULL && words == argc)
        print_help(command);
    else if (argc == 0)
        print_overview(stdout);
    else if (argc != 1 || !print_group_help(argv[0]))
        return run_and_report(argc, argv);
    return fflush(stdout) == 0 ? EXIT_CODE_DONE : EXIT_CODE_OTHER;
}

/* Elements of argv that are options before the command: "--config FILE", "--config=FILE", "--json".
 */
static int count_leading_options(int argc, char **argv)
{
    int count = 0;
    while (count < argc && strncmp(argv[count], "--", 2) == 0 && argv[count][2] != '\0') {
        bool is_alone = strchr(argv[count], '=') != NULL || strcmp(argv[count], "--json") == 0;
        count += is_alone ? 1 : 2;
    }
    return count < argc ? count : 0; /* without a command the line is left as it is */
}

/* Options may stand before the command too: they are moved behind everything else. */
static void move_leading_options(int argc, char **argv)
{
    for (int left = count_leading_options(argc, argv); left > 0; left--) {
        char *first = argv[0];
        memmove(argv, argv + 1, (size_t)(argc - 1) * sizeof argv[0]);
        argv[argc - 1] = first;
    }
}

int cli_main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, "");
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_CODE_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0)
        return puts("provctl " PROVISIOND_VERSION) >= 0 ? EXIT_CODE_DONE : EXIT_CODE_OTHER;
    if (strcmp(argv[1], "help") == 0 || is_help(argv[1]))
        return run_help(argc - 2, argv + 2);
    move_leading_options(argc - 1, argv + 1);
    return run_and_report(argc - 1, argv + 1);
}
