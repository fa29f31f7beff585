/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading of problem+json. Owns no state. */
#include "cli/problem.h"

#include <string.h>

#include <jansson.h>

#include "cli/advice.h"
#include "cli/text.h"

#define TYPE_PREFIX  "/problems/"
#define SENTENCE_MAX 380 /* bytes that are kept of a server's text */

enum error problem_error_from_name(const char *name)
{
    for (int code = ERR_OK + 1; code < ERR_COUNT; code++) {
        if (error_is_known(code) && strcmp(name, error_name((enum error)code)) == 0)
            return (enum error)code;
    }
    return ERR_OK;
}

enum error problem_error_from_status(long status)
{
    switch (status) {
    case 401:
        return ERR_UNAUTHENTICATED;
    case 403:
        return ERR_FORBIDDEN;
    case 404:
        return ERR_ROUTE_UNKNOWN;
    case 405:
        return ERR_METHOD_NOT_ALLOWED;
    case 406:
        return ERR_NOT_ACCEPTABLE;
    case 409:
        return ERR_CONFLICT;
    case 413:
        return ERR_TOO_LARGE;
    case 416:
        return ERR_RANGE;
    case 429:
        return ERR_BUSY;
    case 502:
    case 503:
        return ERR_VAULT_UNAVAILABLE;
    case 504:
        return ERR_TIMEOUT;
    default:
        return status >= 400 && status < 500 ? ERR_BAD_REQUEST : ERR_INTERNAL;
    }
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

static enum error code_of(const json_t *problem)
{
    const char *type = text_of(problem, "type");
    const char *prefix = strstr(type, TYPE_PREFIX); /* a full URI is allowed too */
    return prefix != NULL ? problem_error_from_name(prefix + sizeof TYPE_PREFIX - 1) : ERR_OK;
}

/* Which member of the request it was, or which check and its number; "" when it does not say. */
static void describe_place(const json_t *problem, char *out, size_t size)
{
    const char *path = text_of(problem, "path");
    const char *check = text_of(problem, "check");
    const json_t *native = json_object_get(problem, "native");
    out[0] = '\0';
    if (path[0] != '\0')
        (void)snprintf(out, size, " (at %.100s)", path);
    else if (check[0] != '\0' && json_is_integer(native))
        (void)snprintf(out, size, " (check %.60s, number %" JSON_INTEGER_FORMAT ")", check,
                       json_integer_value(native));
    else if (check[0] != '\0')
        (void)snprintf(out, size, " (check %.100s)", check);
}

/* Without blanks and the full stop: the place goes before it, "It is not genuine (check chain)." */
static int length_without_stop(const char *sentence, size_t length)
{
    length = length < SENTENCE_MAX ? length : SENTENCE_MAX;
    while (length > 0 && (sentence[length - 1] == ' ' || sentence[length - 1] == '.'))
        length--;
    return (int)length;
}

/* What to do about a thing that is not there is a command of ours. */
static bool is_unknown_thing(enum error code)
{
    return code == ERR_PRODUCT_UNKNOWN || code == ERR_IMAGE_UNKNOWN ||
           code == ERR_INSTALL_UNKNOWN || code == ERR_GRANT_UNKNOWN ||
           code == ERR_PRINCIPAL_UNKNOWN;
}

/*
 * What the server says to whoever wrote a client, and to a client that reads headers: our user has
 * this program, and is told in its words.
 */
static size_t length_for_people(const char *advice)
{
    static const char *const for_programs[] = {"Correct the station's",
                                               "Retry after the time in Retry-After"};
    size_t length = strnlen(advice, SENTENCE_MAX);
    for (size_t i = 0; i < sizeof for_programs / sizeof for_programs[0]; i++) {
        const char *at = strstr(advice, for_programs[i]);
        if (at != NULL && (size_t)(at - advice) < length)
            length = (size_t)(at - advice);
    }
    while (length > 0 && advice[length - 1] == ' ')
        length--;
    return length;
}

/* provctl checks what it sends: what a server does not understand is another version's. */
static const char *own_advice(enum error code)
{
    const char *advice = failure_advice(code);
    return advice[0] != '\0'
               ? advice
               : "If that is right, are the versions of provctl and the server equal?";
}

/* A server's detail: the first sentence is what happened, the others are what to do. */
static void describe_detail(const char *detail, const char *place, enum error code,
                            struct failure *failure)
{
    const char *advice = text_second_sentence(detail);
    int length = length_without_stop(detail, (size_t)(advice - detail));
    bool is_question = length > 0 && strchr("?!", detail[length - 1]) != NULL && place[0] == '\0';
    (void)failure_set_plain(failure, code, "%.*s%s%s", length, detail, place,
                            is_question ? "" : ".");
    length = is_unknown_thing(code) ? 0 : (int)length_for_people(advice);
    (void)snprintf(failure->advice, sizeof failure->advice, "%.*s", length,
                   length > 0 ? advice : "");
    if (length == 0 && advice[0] != '\0')
        (void)snprintf(failure->advice, sizeof failure->advice, "%s", own_advice(code));
}

/* What a reason wants to be done is ours to say, and so it is where the server says nothing. */
static void describe(const json_t *problem, enum error code, struct failure *failure)
{
    const char *detail = text_of(problem, "detail");
    const char *title = text_of(problem, "title");
    char place[120];
    describe_place(problem, place, sizeof place);
    if (length_for_people(detail) > 0)
        describe_detail(detail, place, code, failure);
    else if (title[0] != '\0')
        (void)failure_set(failure, code, "%.*s%s", SENTENCE_MAX, title, place);
    else
        (void)failure_set(failure, code, "%s%s", failure_sentence(code), place);
    const char *advice = advice_for(code, text_of(problem, "check"));
    if (advice != NULL)
        (void)snprintf(failure->advice, sizeof failure->advice, "%s", advice);
    (void)snprintf(failure->request_id, sizeof failure->request_id, "%s",
                   text_of(problem, "request_id"));
    (void)snprintf(failure->path, sizeof failure->path, "%s", text_of(problem, "path"));
    (void)snprintf(failure->check, sizeof failure->check, "%s", text_of(problem, "check"));
}

static enum error read_problem(const json_t *problem, long status, bool *ret_retryable,
                               struct failure *failure)
{
    const json_t *retryable = json_object_get(problem, "retryable");
    enum error code = code_of(problem);
    bool is_known = code != ERR_OK;
    if (!is_known)
        code = problem_error_from_status(status);
    describe(problem, code, failure);
    *ret_retryable =
        json_is_boolean(retryable) ? json_boolean_value(retryable) : error_is_retryable(code);
    failure->is_retryable = *ret_retryable;
    if (!is_known && *ret_retryable)
        failure->exit = EXIT_CODE_TRY_AGAIN;
    else if (!is_known && failure->exit == EXIT_CODE_TRY_AGAIN)
        failure->exit = EXIT_CODE_OTHER;
    return code;
}

enum error problem_to_failure(long status, struct bytes body, bool *ret_retryable,
                              struct failure *failure)
{
    json_t *problem =
        json_loadb((const char *)body.data, body.length, JSON_REJECT_DUPLICATES, NULL);
    enum error code;
    if (json_is_object(problem)) {
        code = read_problem(problem, status, ret_retryable, failure);
    } else {
        code = problem_error_from_status(status);
        *ret_retryable = error_is_retryable(code);
        (void)failure_set(failure, code, "%s (HTTP status %ld)", failure_sentence(code), status);
    }
    json_decref(problem);
    return code;
}
