/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the results of a trial come to, in a sentence or two. Pure functions. */
#include <stdio.h>
#include <string.h>

#include "hsm/trial_run.h"

#define NAMED_MAX 3

/* Sentences in the making. */
struct text {
    char *out;
    unsigned named;
};

static void add(struct text *text, const char *words)
{
    size_t length = strlen(text->out);
    (void)snprintf(text->out + length, TRIAL_VERDICT_MAX - length, "%s", words);
}

bool trial_is_good(const struct trial_result *result)
{
    return result->state == TRIAL_WORKS || result->state == TRIAL_LIMITED;
}

/* The names of the first few that failed, and what was found. */
static void name(struct text *text, unsigned i, const struct trial_result *result)
{
    if (text->named == NAMED_MAX)
        add(text, "; and more");
    if (text->named < NAMED_MAX) {
        add(text, text->named > 0 ? "; " : "");
        add(text, TRIAL_PROBES[i].title);
        add(text, " (");
        add(text, result->finding);
        add(text, ")");
    }
    text->named++;
}

static const struct trial_result *find(const struct trial_result *results, const char *id)
{
    for (unsigned i = 0; i < TRIAL_PROBES_COUNT; i++) {
        if (strcmp(TRIAL_PROBES[i].id, id) == 0)
            return &results[i];
    }
    return NULL;
}

/* Of the two modes one is enough. */
static bool is_mode_good(const struct trial_result *results)
{
    for (unsigned i = 0; i < TRIAL_PROBES_COUNT; i++) {
        if (TRIAL_PROBES[i].need == TRIAL_FOR_MODE && trial_is_good(&results[i]))
            return true;
    }
    return false;
}

/* Whether all that is needed for that is good; names in text what is not. What was not tried for
 * lack of something else is named only when nothing else is. */
static bool is_all_good(const struct trial_result *results, enum trial_need need, struct text *text)
{
    bool is_good = true;
    for (unsigned i = 0; i < TRIAL_PROBES_COUNT; i++) {
        if (TRIAL_PROBES[i].need != need || trial_is_good(&results[i]))
            continue;
        is_good = false;
        if (results[i].state != TRIAL_UNTRIED)
            name(text, i, &results[i]);
    }
    return is_good;
}

/* Neither good nor bad is known of a module whose token nobody could log in to. */
static bool is_untried(const struct trial_result *results)
{
    static const char *const ids[] = {"load", "token", "login"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (find(results, ids[i])->state == TRIAL_NO)
            return true;
    }
    return false;
}

static enum trial_verdict judge_service(const struct trial_result *results, struct text *text)
{
    struct text reasons = {.out = text->out};
    add(text, "It does not work with provisiond: ");
    bool is_good = is_all_good(results, TRIAL_FOR_ALL, &reasons);
    if (!is_mode_good(results))
        is_good = is_all_good(results, TRIAL_FOR_MODE, &reasons) && is_good;
    add(text, ".");
    if (!is_good)
        return TRIAL_VERDICT_NONE;
    text->out[0] = '\0';
    reasons.named = 0;
    add(text, "It works for local products only: ");
    is_good = is_all_good(results, TRIAL_FOR_GOVERNED, &reasons);
    add(text, ".");
    if (!is_good)
        return TRIAL_VERDICT_LOCAL;
    text->out[0] = '\0';
    add(text, "It works for governed products and for local ones.");
    return TRIAL_VERDICT_GOVERNED;
}

static void add_parts(const struct trial_result *results, struct text *text)
{
    char buffer[TRIAL_VERDICT_MAX] = "";
    struct text parts = {.out = buffer};
    if (is_all_good(results, TRIAL_FOR_PART, &parts))
        return;
    add(text, " Without: ");
    add(text, buffer);
    add(text, ".");
}

enum trial_verdict trial_judge(const struct trial_result *results, bool is_interrupted,
                               char ret_sentences[TRIAL_VERDICT_MAX])
{
    struct text text = {.out = ret_sentences};
    ret_sentences[0] = '\0';
    if (is_interrupted) {
        add(&text, "The check was ended before it was done.");
        return TRIAL_VERDICT_INTERRUPTED;
    }
    if (is_untried(results)) {
        add(&text, "It could not be tried: ");
        (void)is_all_good(results, TRIAL_FOR_ALL, &text);
        add(&text, ".");
        return TRIAL_VERDICT_UNTRIED;
    }
    enum trial_verdict verdict = judge_service(results, &text);
    if (verdict != TRIAL_VERDICT_NONE)
        add_parts(results, &text);
    return verdict;
}

const char *trial_verdict_word(enum trial_verdict verdict)
{
    static const char *const words[] = {[TRIAL_VERDICT_GOVERNED] = "governed",
                                        [TRIAL_VERDICT_LOCAL] = "local",
                                        [TRIAL_VERDICT_NONE] = "none",
                                        [TRIAL_VERDICT_UNTRIED] = "untried",
                                        [TRIAL_VERDICT_INTERRUPTED] = "interrupted"};
    return words[verdict];
}
