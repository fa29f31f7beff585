/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Dispatch and help. Owns no state. */
#include "cli/cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/text.h"

#define SUGGESTION_DISTANCE 2
#define NAME_MAX_BYTES      64
#define WORDS_MAX_BYTES     256
#define HELP_NAME_WIDTH     40
#define OVERVIEW_LINE       "  %-32s %s\n"

/* ---- help ---- */

/* Commands that belong together are one line of the overview. */
static const struct {
    const char *name; /* of the first; the others follow it in the table */
    size_t count;
    const char *shown;
    const char *summary;
} LINES[] = {
    {"hsm init", 2, "hsm init|keys|..., status", "make, list HSM keys; show HSM and journal"},
    {"product create", 13, "product, quota, budget, device",
     "add products, keys, units, lists of devices"},
    {"image encrypt", 6, "image encrypt|import|enable|...",
     "encrypt a firmware, let it be installed"},
    {"station add", 7, "station add|enroll|narrow|...", "enrol stations, say what they may"},
    {"operator add", 36, "operator, auditor, metrics, ...", "likewise the callers of other roles"},
    {"journal export", 5, "journal, backup, hsm retire",
     "for auditors; a lost disk; the HSM's end"},
    {"hsm transport-key", 6, "standby, hsm transport-key", "a second HSM, for the day one dies"},
    {"product show", 5, "product, image, station list|..", "show what there is"},
    {"grant apply", 2, "grant apply|list", "take a signed document, list what was taken"},
    {"license", 4, "license [batch|list|show]", "get licenses of devices, show licenses"},
    {"install list", 4, "install list|show, outcome, ...",
     "show, report how installs end; receipts"},
    {"image fetch", 3, "image fetch|show, product policy", "get an image; a product's anchors"},
    {"journal checkpoint", 3, "journal checkpoint|key, ...", "what an auditor keeps; grant show"},
    {"self", 3, "self, ready, metrics", "who am I, is it ready, how is it"},
    {"hsm check", 3, "hsm check, ca new|server", "try an HSM's module; one's own certificates"},
    {"grant new", 4, "grant new|..., image seal, ...", "documents to be signed; packing at home"},
    {"journal verify", 3, "journal verify, reconcile, ...", "judge a journal; restore a backup"},
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
    (void)fputs("Usage: provctl COMMAND [OPTION]...   (provctl help COMMAND, or its first word)\n",
                out);
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        const struct command_group *group = COMMAND_GROUP_TABLE[g];
        (void)fprintf(out, "%s\n", group->title);
        for (size_t i = 0; i < group->count;)
            i += print_overview_line(&group->commands[i], out);
    }
    (void)fputs("Exit: 0 done, 10 quota, 11 forbidden, 12 13 device refused, 20 again, 64 usage\n",
                out);
}

/* The first words of what was typed, as many as a command may have; "" for an option. */
static void join_words(int words, int argc, char **argv, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < words && i < argc && argv[i][0] != '-' && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? " " : "", argv[i]);
}

/* The commands whose words begin with those and go on; false when there are none. */
static bool print_followers(const char *words)
{
    bool is_found = false;
    size_t length = strlen(words);
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        for (size_t i = 0; i < COMMAND_GROUP_TABLE[g]->count; i++) {
            const struct command *command = &COMMAND_GROUP_TABLE[g]->commands[i];
            if (strncmp(command->form.name, words, length) != 0 ||
                command->form.name[length] != ' ')
                continue;
            (void)printf("%s  provctl %s %-*s %s\n", is_found ? "" : "\nCommands:\n",
                         command->form.name, (int)(HELP_NAME_WIDTH - strlen(command->form.name)),
                         command->form.operands, command->summary);
            is_found = true;
        }
    }
    return is_found;
}

static void print_help(const struct command *command)
{
    const char *note = command_group_of(command)->note;
    (void)fputs("Usage:", stdout);
    arguments_print_usage(&command->form, stdout);
    (void)printf("\nprovctl %s: %s.\n", command->form.name, command->summary);
    if (command->help[0] != '\0')
        (void)printf("%s\n", command->help);
    if (note[0] != '\0')
        (void)printf("\n%s\n", note);
    (void)fputs("\nOptions:\n", stdout);
    arguments_print_options(&command->form, stdout);
    (void)print_followers(command->form.name);
}

static bool is_followed(const char *words)
{
    size_t length = strlen(words);
    bool is_found = false;
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        for (size_t i = 0; i < COMMAND_GROUP_TABLE[g]->count; i++) {
            const char *name = COMMAND_GROUP_TABLE[g]->commands[i].form.name;
            is_found = is_found || (strncmp(name, words, length) == 0 && name[length] == ' ');
        }
    }
    return is_found;
}

/* Words that are no command, but that commands begin with: "image", "station key". */
static bool print_group_help(int argc, char **argv)
{
    char words[WORDS_MAX_BYTES];
    join_words(COMMAND_WORDS_MAX, argc, argv, words, sizeof words);
    if (argc == 0 || argc >= COMMAND_WORDS_MAX || !is_followed(words))
        return false;
    (void)printf("Usage: provctl %s COMMAND [OPTION]...\n", words);
    return print_followers(words);
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
        nearest = nearest_of_group(COMMAND_GROUP_TABLE[g], typed, nearest, &least);
    return nearest;
}

/* "encrypt, list, enable": the second words of the commands that begin with first; "" for none. */
static void list_second_words(const char *first, char *out, size_t size)
{
    size_t length = strlen(first);
    out[0] = '\0';
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        for (size_t i = 0; i < COMMAND_GROUP_TABLE[g]->count; i++) {
            const char *name = COMMAND_GROUP_TABLE[g]->commands[i].form.name;
            size_t used = strlen(out);
            if (strncmp(name, first, length) == 0 && name[length] == ' ' && used < size)
                (void)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "",
                               name + length + 1);
        }
    }
}

static enum error fail_command(int argc, char **argv, struct failure *failure)
{
    char typed[WORDS_MAX_BYTES];
    char words[WORDS_MAX_BYTES];
    const char *nearest = NULL;
    if (argv[0][0] == '-')
        return failure_set_usage(failure, "%s is no command. See provctl help", argv[0]);
    for (int count = COMMAND_WORDS_MAX; count > 1 && nearest == NULL; count--) {
        join_words(count, argc, argv, typed, sizeof typed);
        nearest = nearest_command(typed);
    }
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
    const struct command *command = command_find(argc, argv, &words);
    if (command == NULL && is_help(argv[argc - 1]) && print_group_help(argc - 1, argv))
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
    const struct command *command = command_find(argc, argv, &words);
    if (command != NULL && words == argc)
        print_help(command);
    else if (argc == 0)
        print_overview(stdout);
    else if (!print_group_help(argc, argv))
        return run_and_report(argc, argv);
    return fflush(stdout) == 0 ? EXIT_CODE_DONE : EXIT_CODE_OTHER;
}

static int run_completion(int argc, char **argv)
{
    if (argc != 1 || strcmp(argv[0], "bash") != 0) {
        (void)fputs("provctl: --completion knows one shell: provctl --completion bash.\n", stderr);
        return EXIT_CODE_USAGE;
    }
    completion_print_bash(stdout);
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
    if (strcmp(argv[1], "--completion") == 0)
        return run_completion(argc - 2, argv + 2);
    if (strcmp(argv[1], "help") == 0 || is_help(argv[1]))
        return run_help(argc - 2, argv + 2);
    move_leading_options(argc - 1, argv + 1);
    return run_and_report(argc - 1, argv + 1);
}
