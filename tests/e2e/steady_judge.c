/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What an answer must be. Owns no state. */
#include "e2e/steady_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#define MIN_DETAIL 50 /* what happened, and what to do */

const char *judge_text(const json_t *json, const char *member)
{
    const char *text = json_string_value(json_object_get(json, member));
    return text != NULL ? text : "";
}

static bool is_word_of(const char *word, const char *words)
{
    size_t length = strlen(word);
    const char *at = strstr(words, word);
    while (at != NULL && at[length] != '\0' && at[length] != ' ')
        at = strstr(at + 1, word);
    return length > 0 && at != NULL && (at == words || at[-1] == ' ');
}

/* One that is due, in full: what happened, and what to do. */
void judge_problem(const json_t *problem, const char *problems)
{
    static const char prefix[] = "/problems/";
    const char *type = judge_text(problem, "type");
    const char *detail = judge_text(problem, "detail");
    bool is_due = strncmp(type, prefix, strlen(prefix)) == 0 &&
                  is_word_of(type + strlen(prefix), problems) &&
                  json_integer_value(json_object_get(problem, "status")) == 503;
    ck_assert_msg(is_due, "a problem that is not due: %s, %s", type, detail);
    bool has_advice =
        strstr(detail, "all the operator") != NULL || strstr(detail, "ask again") != NULL;
    ck_assert_msg(has_advice && strlen(detail) > MIN_DETAIL, "what to do? %s", detail);
}

static bool are_well(const json_t *checks)
{
    const char *name = NULL;
    const json_t *check = NULL;
    bool is_well = true;
    json_object_foreach((json_t *)(uintptr_t)checks, name, check) is_well =
        is_well && (strcmp(json_string_value(check), "ok") == 0 ||
                    strcmp(json_string_value(check), "none") == 0);
    return is_well;
}

void judge_ready(const struct crowd_answer *answer, struct steady_view *view)
{
    json_t *json = json_loads(answer->body, 0, NULL);
    const char *word = judge_text(json_object_get(json, "checks"), "hsm");
    ck_assert_msg((answer->status == 200 || answer->status == 503) && word[0] != '\0',
                  "/readyz: status %ld: %.600s", answer->status, answer->body);
    /* It neither hides a fault nor cries wolf. */
    bool is_well = are_well(json_object_get(json, "checks"));
    ck_assert_msg((answer->status == 200) == is_well, "%.600s", answer->body);
    view->ready = answer->status;
    (void)snprintf(view->hsm, sizeof view->hsm, "%s", word);
    (void)snprintf(view->detail, sizeof view->detail, "%s", judge_text(json, "detail"));
    view->looks++;
    json_decref(json);
}

static unsigned long number_of(const char *metrics, const char *name)
{
    const char *at = strstr(metrics, name);
    ck_assert_msg(at != NULL, "%s is not in /metrics", name);
    return strtoul(at + strlen(name), NULL, 10);
}

/* name begins with the end of the line before. */
static void take_counter(unsigned long *count, const char *metrics, const char *name)
{
    unsigned long now = number_of(metrics, name);
    ck_assert_msg(now >= *count, "%s went from %lu to %lu", name + 1, *count, now);
    *count = now;
}

void judge_metrics(const struct crowd_answer *answer, struct steady_view *view)
{
    static const char check[] = "provisiond_check_ok{check=\"hsm\",reason=\"";
    const char *at = strstr(answer->body, check);
    ck_assert_msg(answer->status == 200 && at != NULL, "/metrics: status %ld: %.600s",
                  answer->status, answer->body);
    at += strlen(check);
    (void)snprintf(view->metrics_hsm, sizeof view->metrics_hsm, "%.*s", (int)strcspn(at, "\""), at);
    view->idle = (unsigned)number_of(answer->body, "provisiond_hsm_workers{state=\"idle\"} ");
    view->busy = (unsigned)number_of(answer->body, "provisiond_hsm_workers{state=\"busy\"} ");
    view->starting =
        (unsigned)number_of(answer->body, "provisiond_hsm_workers{state=\"starting\"} ");
    take_counter(&view->restarts, answer->body, "\nprovisiond_hsm_worker_restarts_total ");
    take_counter(&view->calls, answer->body, "\nprovisiond_hsm_call_seconds_count ");
    view->scrapes++;
}
