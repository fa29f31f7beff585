/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl hsm check: a trial of a module, as a page or as one JSON object. Owns no state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/trial.h"
#include "cli/trial_page.h"

#define VERDICT_MAX 32

struct check {
    struct trial_page page;
    bool is_json;
    json_t *results; /* of a JSON object; NULL when memory is out */
    json_t *current; /* the probe that runs; borrowed from results */
    char verdict[VERDICT_MAX];
    char sentences[FAILURE_WHAT_MAX];
};

static const struct ending {
    const char *verdict;
    enum exit_code exit;
    const char *said; /* on standard error */
} ENDINGS[] = {
    {"untried", EXIT_CODE_OTHER, "The module could not be tried"},
    {"governed", EXIT_CODE_DONE, ""},
    {"local", EXIT_CODE_LOCAL_ONLY, "The module serves local products only"},
    {"none", EXIT_CODE_UNFIT, "The module does not work with provisiond"},
    {"interrupted", EXIT_CODE_OTHER, "The check was ended before it was done"},
};

static const struct ending *ending_of(const char *verdict)
{
    for (size_t i = 0; i < sizeof ENDINGS / sizeof ENDINGS[0]; i++) {
        if (strcmp(ENDINGS[i].verdict, verdict) == 0)
            return &ENDINGS[i];
    }
    return &ENDINGS[0];
}

/* ---- JSON ---- */

static void begin_result(struct check *check, const struct trial_line *line)
{
    json_t *result =
        json_pack("{s:o, s:o, s:o, s:{}}", "id", output_text(line->field[1]), "title",
                  output_text(line->field[2]), "section", output_text(line->field[3]), "details");
    check->current = json_array_append_new(check->results, result) == 0 ? result : NULL;
}

/* Of what is counted and measured machines want a number. */
static bool is_number(const char *name)
{
    static const char *const names[] = {"objects",  "destroyed",   "logins",
                                        "sessions", "one_process", "two_processes"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static void add_detail(struct check *check, const struct trial_line *line)
{
    const char *value = line->field[3];
    json_t *json = is_number(line->field[2]) ? json_real(strtod(value, NULL)) : output_text(value);
    (void)json_object_set_new(json_object_get(check->current, "details"), line->field[2], json);
}

static void end_result(struct check *check, const struct trial_line *line)
{
    json_t *rest =
        json_pack("{s:o, s:I, s:o, s:o, s:o}", "state", output_text(line->field[RESULT_STATE]),
                  "milliseconds", (json_int_t)strtoll(line->field[RESULT_MS], NULL, 10), "reason",
                  output_text(line->field[RESULT_REASON]), "finding",
                  output_text(line->field[RESULT_FINDING]), "advice",
                  output_text(line->field[RESULT_ADVICE]));
    (void)json_object_update(check->current, rest);
    json_decref(rest);
}

static enum error print_json(struct check *check, struct failure *failure)
{
    json_t *results = check->results;
    check->results = NULL;
    return output_json(json_pack("{s:o, s:o, s:o, s:i}", "verdict", output_text(check->verdict),
                                 "text", output_text(check->sentences), "results", results, "exit",
                                 (int)ending_of(check->verdict)->exit),
                       failure);
}

/* ---- both ---- */

static void hear(void *context, const struct trial_line *line)
{
    struct check *check = context;
    const char *kind = line->field[0];
    if (strcmp(kind, "verdict") == 0) {
        (void)snprintf(check->verdict, sizeof check->verdict, "%s", line->field[1]);
        (void)snprintf(check->sentences, sizeof check->sentences, "%s", line->field[2]);
    }
    if (!check->is_json)
        trial_page_hear(&check->page, line);
    else if (strcmp(kind, "begin") == 0)
        begin_result(check, line);
    else if (strcmp(kind, "detail") == 0)
        add_detail(check, line);
    else if (strcmp(kind, "result") == 0)
        end_result(check, line);
}

static void wait_on(void *context)
{
    struct check *check = context;
    if (!check->is_json)
        trial_page_wait(&check->page);
}

static enum error report(struct check *check, struct failure *failure)
{
    enum error e = check->is_json ? print_json(check, failure) : ERR_OK;
    const struct ending *ending = ending_of(check->verdict);
    if (e != ERR_OK || ending->exit == EXIT_CODE_DONE)
        return e;
    e = failure_set_plain(failure, ERR_UNSUPPORTED, "%s", ending->said);
    failure->exit = ending->exit;
    failure->is_told = true;
    return e;
}

enum error command_hsm_check(const struct arguments *arguments, struct failure *failure)
{
    struct check check = {.is_json = arguments_has(arguments, OPTION_JSON),
                          .results = json_array()};
    const struct trial_ear ear = {.hear = hear, .wait = wait_on, .context = &check};
    trial_page_begin(&check.page, stdout);
    enum error e = trial_execute(arguments, &ear, failure);
    if (e == ERR_OK)
        e = report(&check, failure);
    json_decref(check.results);
    return e;
}
