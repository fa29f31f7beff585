/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl self, ready and metrics: the caller and the service. Owns no state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/metrics_text.h"
#include "cli/output.h"
#include "cli/principal.h"
#include "cli/problem.h"
#include "cli/reading.h"
#include "cli/text.h"

#define LINE_MAX_BYTES 4096

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))

/* ---- self ---- */

enum error command_self(const struct arguments *arguments, struct failure *failure)
{
    json_t *self = NULL;
    enum error e = reading_get(arguments, "/v1/self", &self, failure);
    if (e == ERR_OK)
        e = principal_check(self, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_JSON))
        return output_json(self, failure);
    if (e == ERR_OK)
        e = principal_print(self, failure);
    json_decref(self);
    return e;
}

/* ---- ready ---- */

static const struct record_field CHECKS[] = {
    {"Status", "status", RECORD_TEXT, false, NULL},
    {"Vault", "checks.vault", RECORD_TEXT, false, NULL},
    {"HSM", "checks.hsm", RECORD_TEXT, false, NULL},
    {"Ledger", "checks.ledger", RECORD_TEXT, false, NULL},
    {"Anchor", "checks.anchor", RECORD_TEXT, false, NULL},
    {"Certificate", "checks.certificate", RECORD_TEXT, false, NULL},
    {"CRL", "checks.crl", RECORD_TEXT, false, NULL},
    {"Detail", "detail", RECORD_TEXT, true, NULL},
};

/* Words of checks that stop no license: no anchor is kept, no list is set, and what is served from
 * before. */
static bool is_harmless(const char *member, const char *word)
{
    return strcmp(word, "ok") == 0 || strcmp(word, "none") == 0 || strcmp(word, "expiring") == 0 ||
           strcmp(word, "file-unusable") == 0 || strcmp(member, "checks.crl") == 0;
}

/* The first check that is not well. */
static const struct record_field *find_wrong(const json_t *answer)
{
    for (size_t i = 1; i + 1 < COUNT(CHECKS); i++) {
        if (!is_harmless(CHECKS[i].member, record_text(answer, CHECKS[i].member)))
            return &CHECKS[i];
    }
    return NULL;
}

/* What a check's word means, where it is not a problem's name and trying again is of no use. */
static enum error error_of_word(const char *word)
{
    static const struct {
        const char *word;
        enum error code;
    } HANDS[] = {
        {"pin-refused", ERR_HSM_PIN_REFUSED},
        {"pin-not-confirmed", ERR_HSM_PIN_REFUSED},
        {"key-weak", ERR_HSM_KEY_WEAK},
        {"checkpoint-key-missing", ERR_HSM_KEY_MISSING},
        {"mismatch", ERR_ANCHOR_MISMATCH},
        {"anchor-taken", ERR_ANCHOR_MISMATCH},
        {"expired", ERR_CONFIG},
        {"not-yet-valid", ERR_CONFIG},
    };
    for (size_t i = 0; i < COUNT(HANDS); i++) {
        if (strcmp(word, HANDS[i].word) == 0)
            return HANDS[i].code;
    }
    enum error code = problem_error_from_name(word);
    return code != ERR_OK ? code : ERR_VAULT_UNAVAILABLE;
}

/* What only somebody's hand can mend is no reason to try again. */
static enum error fail_unready(const json_t *answer, struct failure *failure)
{
    const struct record_field *wrong = find_wrong(answer);
    const char *word = wrong != NULL ? record_text(answer, wrong->member) : "not-ready";
    const char *detail = record_text(answer, "detail");
    return failure_set_plain(
        failure, error_of_word(word), "No license could be issued now: %s is %s%s%s",
        wrong != NULL ? wrong->title : "it", word, detail[0] != '\0' ? ". " : "", detail);
}

static enum error print_checks(const struct arguments *arguments, const json_t *answer,
                               struct failure *failure)
{
    const bool is_ready = strcmp(record_text(answer, "status"), "ready") == 0;
    const bool is_json = arguments_has(arguments, OPTION_JSON);
    enum error e = record_check(answer, CHECKS, COUNT(CHECKS), failure);
    if (e == ERR_OK)
        e = is_json ? output_json(json_deep_copy(answer), failure)
                    : record_print(answer, CHECKS, COUNT(CHECKS), failure);
    if (e != ERR_OK || is_ready)
        return e;
    e = fail_unready(answer, failure);
    failure->is_told = is_json;
    return e;
}

/* A 503 of /readyz has the checks too; any other answer is a refusal of the question. */
enum error command_ready(const struct arguments *arguments, struct failure *failure)
{
    REST_AUTO rest = NULL;
    struct rest_answer answer = {0};
    bool is_retryable = false;
    enum error e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = rest_probe(rest, "/readyz", &answer, failure);
    if (e != ERR_OK)
        return e;
    json_t *checks = json_loadb(answer.body, answer.length, JSON_REJECT_DUPLICATES, NULL);
    if (json_object_get(checks, "checks") != NULL)
        e = print_checks(arguments, checks, failure);
    else
        e = problem_to_failure(answer.status, bytes_of(answer.body, answer.length), &is_retryable,
                               failure);
    json_decref(checks);
    free(answer.body);
    return e;
}

/* ---- metrics ---- */

/* Line by line, so that nothing in it reaches the terminal unescaped. */
static void print_text(const char *text)
{
    char line[LINE_MAX_BYTES];
    char escaped[LINE_MAX_BYTES];
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        (void)snprintf(line, sizeof line, "%.*s", (int)length, text);
        text_escape(line, escaped, sizeof escaped);
        (void)puts(escaped);
        text += length + (text[length] == '\n');
    }
}

enum error command_metrics(const struct arguments *arguments, struct failure *failure)
{
    REST_AUTO rest = NULL;
    struct rest_answer answer = {0};
    json_t *samples = NULL;
    enum error e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = rest_ask(rest, "/metrics", NULL, &answer, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_JSON)) {
        e = metrics_text_read(answer.body, &samples, failure);
        if (e == ERR_OK)
            e = output_json(json_pack("{s:o}", "samples", samples), failure);
    } else if (e == ERR_OK) {
        print_text(answer.body);
    }
    free(answer.body);
    return e;
}
