/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bash script of three tables (what may follow words, options of a command, values of an option)
 * and of one function that looks at the line. All names in it are ours: nothing needs quoting.
 */
#include "cli/completion.h"

#include <stdbool.h>
#include <string.h>

#include "cli/commands.h"

#define PREFIX_MAX 64

static const char HEAD[] =
    "# bash completion for provctl(1); provctl --completion bash prints it.\n"
    "#\n"
    "# SPDX-FileCopyrightText: The provisiond authors\n"
    "# SPDX-License-Identifier: Apache-2.0\n\n";

/* What an operand may be, by the command and how many operands stand before it. */
static const char OPERANDS[] = "_provctl_operand()\n"
                               "{\n"
                               "    case $1 in\n"
                               "    'outcome 1') echo succeeded failed scrapped ;;\n"
                               "    esac\n"
                               "}\n\n";

static const char FUNCTION[] =
    "_provctl()\n"
    "{\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local command= word= next= skip= operands=0 value= i=\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $skip ]]; then\n"
    "            skip=\n"
    "        elif [[ $word == -* ]]; then\n"
    "            skip=$(_provctl_value \"$word\")\n"
    "        elif [[ $i == 1 && $word == help ]]; then\n"
    "            continue\n"
    "        elif [[ $operands == 0 && \" $(_provctl_next \"$command\") \" == *\" $word \"* ]]; "
    "then\n"
    "            command=${command:+$command }$word\n"
    "        else\n"
    "            operands=$((operands + 1))\n"
    "        fi\n"
    "    done\n"
    "    value=$(_provctl_value \"$previous\")\n"
    "    next=$(_provctl_next \"$command\")\n"
    "    word=$(_provctl_operand \"$command $operands\")\n"
    "    if [[ $value == text ]]; then\n"
    "        return\n"
    "    elif [[ $value == folder ]]; then\n"
    "        COMPREPLY=($(compgen -d -- \"$current\"))\n"
    "    elif [[ $value && $value != file ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$value\" -- \"$current\"))\n"
    "    elif [[ $current == -* ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$(_provctl_options \"$command\")\" -- \"$current\"))\n"
    "    elif [[ ! $value && $operands == 0 && $next ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$next\" -- \"$current\"))\n"
    "    elif [[ ! $value && $word ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$word\" -- \"$current\"))\n"
    "    elif [[ ! $value && ${COMP_WORDS[1]} == help ]]; then\n"
    "        return\n"
    "    else\n"
    "        COMPREPLY=($(compgen -f -- \"$current\"))\n"
    "    fi\n"
    "}\n"
    "complete -o filenames -F _provctl provctl\n";

/* ---- what may follow the words of a command ---- */

typedef void (*command_visitor)(const struct command *command, const char *context, FILE *out);

static void visit(command_visitor visitor, const char *context, FILE *out)
{
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        for (size_t i = 0; i < COMMAND_GROUP_TABLE[g]->count; i++)
            visitor(&COMMAND_GROUP_TABLE[g]->commands[i], context, out);
    }
}

/* True when the command's words go on behind prefix; *ret_word is where. */
static bool goes_on(const char *name, const char *prefix, const char **ret_word)
{
    size_t length = strlen(prefix);
    bool is_longer = strncmp(name, prefix, length) == 0 && (length == 0 || name[length] == ' ');
    *ret_word = length == 0 ? name : name + length + 1;
    return is_longer;
}

/* The first command whose name begins with those words, whole words, and goes on if it must. */
static const struct command *first_with(const char *words, size_t length, bool must_go_on)
{
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        for (size_t i = 0; i < COMMAND_GROUP_TABLE[g]->count; i++) {
            const struct command *command = &COMMAND_GROUP_TABLE[g]->commands[i];
            const char *name = command->form.name;
            const bool is_end = !must_go_on && strlen(name) == length;
            if (strncmp(name, words, length) == 0 && (is_end || name[length] == ' '))
                return command;
        }
    }
    return NULL;
}

/* Each word once: by the first command that has it there. */
static void print_next_word(const struct command *command, const char *prefix, FILE *out)
{
    const char *name = command->form.name;
    const char *word = NULL;
    if (!goes_on(name, prefix, &word))
        return;
    size_t length = strcspn(word, " ");
    if (first_with(name, (size_t)(word - name) + length, false) == command)
        (void)fprintf(out, " %.*s", (int)length, word);
}

static void print_nexts_of(const struct command *command, const char *context, FILE *out)
{
    char prefix[PREFIX_MAX];
    const char *name = command->form.name;
    (void)context;
    for (const char *blank = strchr(name, ' '); blank != NULL; blank = strchr(blank + 1, ' ')) {
        if (first_with(name, (size_t)(blank - name), true) != command)
            continue;
        (void)snprintf(prefix, sizeof prefix, "%.*s", (int)(blank - name), name);
        (void)fprintf(out, "    '%s') echo", prefix);
        visit(print_next_word, prefix, out);
        (void)fputs(" ;;\n", out);
    }
}

/* ---- options ---- */

static void print_options_of(const struct command *command, const char *context, FILE *out)
{
    (void)context;
    (void)fprintf(out, "    '%s') echo", command->form.name);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (arguments_form_takes(&command->form, i))
            (void)fprintf(out, " --%s", OPTION_ROWS[i].name);
    }
    (void)fputs(" ;;\n", out);
}

/* ---- values ---- */

static const struct {
    enum option_id option;
    const char *words;
} WORDS[] = {
    {OPTION_PROFILE, "cms suit mcuboot jwe esp-rsa st-sfi"},
    {OPTION_FORMAT, "cms suit mcuboot jwe esp-rsa st-sfi"},
    {OPTION_CONTENT, "aes-128-gcm aes-256-gcm aes-256-cbc aes-128-ctr aes-256-ctr"},
    {OPTION_DEVICE_KEYS, "p256 p384 rsa x25519"},
    {OPTION_DEVICE_VALIDITY, "strict chain-valid-at-issue"},
    {OPTION_SUIT_KEY_WRAP, "a128kw a256kw"},
    {OPTION_POLICY, "per-device per-license"},
    {OPTION_ST_SIGNED, "id-and-key key"},
    {OPTION_KIND, "install scrap revoke policy rebind standby override"},
    {OPTION_RESULT, "unreported succeeded failed scrapped"},
    {OPTION_BY, "lot day station"},
};

static const char *kind_of_value(size_t option)
{
    const char *value = OPTION_ROWS[option].value;
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (WORDS[i].option == option)
            return WORDS[i].words;
    }
    if (strcmp(value, "DIR") == 0)
        return "folder";
    return strcmp(value, "FILE") == 0 || strcmp(value, "PATH") == 0 ? "file" : "text";
}

/* The first option of that name. */
static size_t first_of(const char *name)
{
    size_t i = 0;
    while (strcmp(OPTION_ROWS[i].name, name) != 0)
        i++;
    return i;
}

/* Options of one name may have other values: a file is offered where one of them wants a file. */
static const char *kind_of_name(const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (OPTION_ROWS[i].value != NULL && strcmp(OPTION_ROWS[i].name, name) == 0 &&
            strcmp(kind_of_value(i), "file") == 0)
            return "file";
    }
    return kind_of_value(first_of(name));
}

static void print_values(FILE *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *name = OPTION_ROWS[i].name;
        if (OPTION_ROWS[i].value != NULL && first_of(name) == i)
            (void)fprintf(out, "    --%s) echo '%s' ;;\n", name, kind_of_name(name));
    }
}

void completion_print_bash(FILE *out)
{
    (void)fputs(HEAD, out);
    (void)fputs("_provctl_next()\n{\n    case $1 in\n    '') echo help", out);
    visit(print_next_word, "", out);
    (void)fputs(" ;;\n", out);
    visit(print_nexts_of, "", out);
    (void)fputs(
        "    esac\n}\n\n_provctl_options()\n{\n    case $1 in\n    '') echo --help --version ;;\n",
        out);
    visit(print_options_of, "", out);
    (void)fputs("    esac\n}\n\n_provctl_value()\n{\n    case $1 in\n", out);
    print_values(out);
    (void)fputs("    esac\n}\n\n", out);
    (void)fputs(OPERANDS, out);
    (void)fputs(FUNCTION, out);
}
