/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The manual against the tables of keys, commands and options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "config/keys.h"
#include "suite.h"

#define PAGE_MAX  ((size_t)256 * 1024)
#define ENTRY_MAX 2048

static char page[PAGE_MAX];

/* Backslashes are scdoc's and are taken out, and so are line ends within an entry. */
static void read_page(const char *name)
{
    char path[1024];
    size_t length = 0;
    (void)snprintf(path, sizeof path, "%s/%s", MANUAL_FOLDER, name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    for (int c = fgetc(file); c != EOF && length < sizeof page - 1; c = fgetc(file)) {
        if (c != '\\')
            page[length++] = (char)c;
    }
    page[length] = '\0';
    (void)fclose(file);
}

/* What stands below the key in its section, on one line. */
static void find_entry(const struct config_key *key, char out[ENTRY_MAX])
{
    char words[256];
    (void)snprintf(words, sizeof words, "\n# SECTION [%s]\n", key->section);
    const char *section = strstr(page, words);
    ck_assert_msg(section != NULL, "%s", words);
    const char *end = strstr(section + 3, "\n# ");
    (void)snprintf(words, sizeof words, "\n*%s*\n\t", key->name);
    const char *entry = strstr(section, words);
    ck_assert_msg(entry != NULL && entry < end, "[%s] %s", key->section, key->name);
    entry += strlen(words);
    size_t length = 0;
    for (; *entry != '\0' && strncmp(entry, "\n\n", 2) != 0 && length < ENTRY_MAX - 1; entry++) {
        if (*entry != '\t')
            out[length++] = *entry;
    }
    out[length] = '\0';
    for (char *line = strchr(out, '\n'); line != NULL; line = strchr(line, '\n'))
        *line = ' ';
}

static void claim_holds(const struct config_key *key, const char *entry, const char *words)
{
    ck_assert_msg(strstr(entry, words) != NULL, "[%s] %s wants \"%s\": %s", key->section, key->name,
                  words, entry);
}

START_TEST(every_key_is_in_the_manual_with_its_default_and_limits)
{
    char entry[ENTRY_MAX];
    char words[512];
    read_page("provisiond.conf.5.scd");
    for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++) {
        const struct config_key *key = &CONFIG_KEYS[i];
        find_entry(key, entry);
        if (key->preset == NULL)
            (void)snprintf(words, sizeof words, "Required.");
        else if (key->preset[0] == '\0')
            (void)snprintf(words, sizeof words, "Empty by default.");
        else
            (void)snprintf(words, sizeof words, "Default: %s.", key->preset);
        claim_holds(key, entry, words);
        (void)snprintf(words, sizeof words, "%u to %u.", key->min, key->max);
        if (key->type == CONFIG_NUMBER)
            claim_holds(key, entry, words);
    }
}
END_TEST

/* A key that was taken away must leave the manual too. */
START_TEST(the_manual_has_no_key_that_does_not_exist)
{
    size_t count = 0;
    read_page("provisiond.conf.5.scd");
    for (const char *at = strstr(page, "\n\n*"); at != NULL; at = strstr(at + 1, "\n\n*"))
        count += strncmp(at + 3 + strcspn(at + 3, "*\n"), "*\n\t", 3) == 0;
    ck_assert_uint_eq(count, CONFIG_KEYS_COUNT);
}
END_TEST

/* The other roles have the commands of a station. */
START_TEST(every_command_and_option_is_in_the_manual)
{
    static const char *const others[] = {"operator ", "auditor ", "administrator ", "metrics "};
    char words[128];
    read_page("provctl.1.scd");
    for (size_t g = 0; g < COMMAND_GROUPS; g++) {
        for (size_t i = 0; i < COMMAND_GROUP_TABLE[g]->count; i++) {
            const char *name = COMMAND_GROUP_TABLE[g]->commands[i].form.name;
            bool is_other = false;
            for (size_t j = 0; j < sizeof others / sizeof others[0]; j++)
                is_other = is_other || strncmp(name, others[j], strlen(others[j])) == 0;
            (void)snprintf(words, sizeof words, "*%s*", name);
            ck_assert_msg(is_other || strstr(page, words) != NULL, "%s", words);
        }
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        (void)snprintf(words, sizeof words, "--%s", OPTION_ROWS[i].name);
        ck_assert_msg(strstr(page, words) != NULL, "%s", words);
    }
}
END_TEST

/* provctl.1 names each exit code that a script may see. */
START_TEST(every_exit_code_is_in_the_manual)
{
    char words[32];
    read_page("provctl.1.scd");
    for (enum error code = ERR_OK; code < ERR_COUNT; code++) {
        (void)snprintf(words, sizeof words, "\n*%d*\n\t", (int)exit_code_of(code));
        ck_assert_msg(strstr(page, words) != NULL, "%s", words);
    }
}
END_TEST

static void nothing(void)
{
}

int main(void)
{
    const TTest *const tests[] = {every_key_is_in_the_manual_with_its_default_and_limits,
                                  the_manual_has_no_key_that_does_not_exist,
                                  every_command_and_option_is_in_the_manual,
                                  every_exit_code_is_in_the_manual, NULL};
    return suite_run("cli manual", nothing, nothing, tests);
}
