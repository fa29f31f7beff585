/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The groups of commands, and the search in them. Owns no state. */
#include "cli/commands.h"

#include <string.h>

const struct command_group *const COMMAND_GROUP_TABLE[COMMAND_GROUPS] = {
    &ADMIN_COMMANDS, &BOTH_COMMANDS, &REST_COMMANDS, &FILE_COMMANDS};

/* How many words of argv are the command's name; 0 when argv does not begin with it. */
static int count_words(const char *name, int argc, char **argv)
{
    int words = 0;
    while (words < argc) {
        size_t length = strcspn(name, " ");
        if (strlen(argv[words]) != length || strncmp(argv[words], name, length) != 0)
            return 0;
        words++;
        if (name[length] == '\0')
            return words;
        name += length + 1;
    }
    return 0;
}

const struct command *command_find(int argc, char **argv, int *ret_words)
{
    const struct command *found = NULL;
    *ret_words = 0;
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        for (size_t i = 0; i < COMMAND_GROUP_TABLE[g]->count; i++) {
            const struct command *command = &COMMAND_GROUP_TABLE[g]->commands[i];
            int words = count_words(command->form.name, argc, argv);
            if (words > *ret_words) {
                *ret_words = words;
                found = command;
            }
        }
    }
    return found;
}

const struct command_group *command_group_of(const struct command *command)
{
    size_t g = 0;
    while (command < COMMAND_GROUP_TABLE[g]->commands ||
           command >= COMMAND_GROUP_TABLE[g]->commands + COMMAND_GROUP_TABLE[g]->count)
        g++;
    return COMMAND_GROUP_TABLE[g];
}
