/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The completion script in a real bash. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provctl.h"
#include "suite.h"

static struct temp_dir dir;
static struct provctl run;
static char found[PROVCTL_OUTPUT_MAX];

static void set_up(void)
{
    temp_dir_make(&dir);
    PROVCTL(&dir, &run, "--completion", "bash");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    write_file(&dir, "provctl.bash", run.out, strlen(run.out));
    write_file(&dir, "a.pem", "x", 1);
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

/* What is offered for the last of the words, " a b "; words are as bash reads them. */
static const char *offered(const char *words)
{
    static const char script[] = "source ./provctl.bash || exit\n"
                                 "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                                 "_provctl\n"
                                 "printf ' %s' \"${COMPREPLY[@]}\"; echo ' '\n";
    char text[1024];
    char command[2 * TEMP_PATH_MAX];
    (void)snprintf(text, sizeof text, "COMP_WORDS=(provctl %s)\n", words);
    (void)strncat(text, script, sizeof text - strlen(text) - 1);
    write_file(&dir, "ask.sh", text, strlen(text));
    (void)snprintf(command, sizeof command, "cd '%s' && bash -u ask.sh >found 2>&1", dir.path);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_ge((int)read_file(&dir, "found", found, sizeof found), 0);
    return found;
}

static void claim_offers(const char *words, const char *expected)
{
    ck_assert_str_eq(offered(words), expected);
}

START_TEST(words_of_commands_are_offered_once_each)
{
    claim_offers("stat", " status station \n");
    claim_offers("station ''", " add enroll enable disable narrow key list show \n");
    claim_offers("metrics key ''", " add remove \n");
    claim_offers("license ''", " batch list show \n");
    claim_offers("--json product ''", " create crls rotate-key destroy-key show list policy \n");
}
END_TEST

START_TEST(help_and_outcomes_have_words_too)
{
    claim_offers("help stat", " status station \n");
    claim_offers("help station k", " key \n");
    claim_offers("help usage ''", "  \n");
    claim_offers("outcome ins-1 ''", " succeeded failed scrapped \n");
    claim_offers("outcome ins-1 --code E7 s", " succeeded scrapped \n");
}
END_TEST

START_TEST(options_of_the_command_are_offered)
{
    claim_offers("station add line-3 --c", " --config --certificate \n");
    claim_offers("--socket a.pem station add --cert", " --certificate \n");
    claim_offers("license --no", " --no-retry \n");
}
END_TEST

START_TEST(values_are_files_words_or_nothing)
{
    claim_offers("station add --certificate a", " a.pem ask.sh \n");
    claim_offers("install list --result s", " succeeded scrapped \n");
    claim_offers("usage meter --by ''", " lot day station \n");
    claim_offers("station add --product ''", "  \n");
    claim_offers("grant apply a.p", " a.pem \n");
}
END_TEST

/* Whatever the help knows can be completed. */
START_TEST(every_command_of_the_overview_is_there)
{
    static const char *const words[] = {"hsm",     "status",  "product", "quota",   "budget",
                                        "device",  "grant",   "image",   "station", "usage",
                                        "journal", "license", "outcome", "receipt", "install",
                                        "self",    "ready",   "metrics", "ca",      "reconcile"};
    char padded[32];
    (void)offered("''");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        (void)snprintf(padded, sizeof padded, " %s ", words[i]);
        ck_assert_msg(strstr(found, padded) != NULL, "%s", words[i]);
    }
}
END_TEST

START_TEST(another_shell_is_a_usage_error)
{
    PROVCTL(&dir, &run, "--completion", "fish");
    ck_assert_int_eq(run.exit, 64);
    PROVCTL(&dir, &run, "--completion");
    ck_assert_int_eq(run.exit, 64);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {words_of_commands_are_offered_once_each,
                                  help_and_outcomes_have_words_too,
                                  options_of_the_command_are_offered,
                                  values_are_files_words_or_nothing,
                                  every_command_of_the_overview_is_there,
                                  another_shell_is_a_usage_error,
                                  NULL};
    return suite_run("cli completion", set_up, tear_down, tests);
}
