/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Building responses. Owns no state. */
#include "api/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/gate.h"
#include "api/problem.h"
#include "api/server.h"
#include "core/clock.h"

#define DETAIL_SIZE           512 /* a fault's sentence and the table's */
#define MS_PER_S              1000
#define RETRY_AFTER_DEFAULT_S "5" /* of a 503 that is no problem: readyz */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    /* Fails for lack of memory or illegal bytes only; the answer is right without the header. */
    (void)MHD_add_response_header(response, name, value);
}

enum MHD_Result answer_response(struct request *request, unsigned status,
                                struct MHD_Response *response)
{
    if (response == NULL)
        return MHD_NO;
    add_header(response, "X-Request-Id", request->id);
    if (request->traceparent[0] != '\0')
        add_header(response, "traceparent", request->traceparent);
    if (MHD_get_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL) == NULL)
        add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE &&
        MHD_get_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER) == NULL)
        add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_DEFAULT_S);
    if (gate_is_shut(&request->api->gate))
        add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    request->status = status;
    request->step = REQUEST_ANSWERED;
    watch_reader(&request->api->watch, &request->caller->watched);
    enum MHD_Result result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result answer_kept(struct request *request, const char *media_type,
                            const char *cache_control)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(request->kept_length, request->kept, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        return MHD_NO;
    request->kept = NULL; /* the response frees it */
    add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, media_type);
    add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, cache_control);
    return answer_response(request, MHD_HTTP_OK, response);
}

static struct MHD_Response *json_response(json_t *json, const char *media_type)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (text == NULL)
        return NULL;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(text);
    else
        add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, media_type);
    return response;
}

enum MHD_Result answer_json(struct request *request, unsigned status, json_t *json)
{
    return answer_response(request, status, json_response(json, "application/json"));
}

/* Optional members: a text of another program that is not UTF-8 leaves its member out. */
static void add_text(json_t *json, const char *name, const char *text)
{
    if (text[0] != '\0')
        (void)json_object_set_new(json, name, json_string(text));
}

/* False when none was said, or another program said one that no calendar has. */
static bool format_until(const struct fault *fault, char out[TIMESTAMP_SIZE])
{
    int64_t parsed = 0;
    if (fault->until_unix_ms <= 0)
        return false;
    timestamp_format(fault->until_unix_ms, out);
    return timestamp_parse(out, &parsed);
}

static void add_until(json_t *json, const struct fault *fault)
{
    char text[TIMESTAMP_SIZE];
    if (format_until(fault, text))
        add_text(json, "until", text);
}

json_t *answer_problem_json(const struct request *request)
{
    const struct fault *fault = &request->fault;
    const struct problem *problem = problem_of(fault->code);
    char type[PROBLEM_TYPE_SIZE];
    char detail[DETAIL_SIZE];
    problem_type(fault->code, type);
    (void)snprintf(detail, sizeof detail, "%s%s%s", fault->detail,
                   fault->detail[0] != '\0' ? " " : "", problem_advice(fault->code, fault->reason));
    json_t *json = json_pack("{ss ss si}", "type", type, "title", problem->title, "status",
                             (int)problem->status);
    if (json == NULL)
        return NULL;
    add_text(json, "detail", detail);
    add_text(json, "request_id", request->id);
    (void)json_object_set_new(json, "retryable", json_boolean(error_is_retryable(fault->code)));
    add_text(json, "path", request->path.text);
    if (problem_shows_check(fault->code, fault->reason) || request->shows_check)
        add_text(json, "check", fault->reason);
    if (fault->native != 0)
        (void)json_object_set_new(json, "native", json_integer(fault->native));
    add_until(json, fault);
    return json;
}

/* Rounded up; at least a second, for a moment that is already there. */
static int64_t seconds_until(int64_t unix_ms)
{
    int64_t left_ms = unix_ms - clock_unix_ms();
    return left_ms > MS_PER_S ? (left_ms + MS_PER_S - 1) / MS_PER_S : 1;
}

static int64_t retry_after_s(const struct request *request)
{
    char text[TIMESTAMP_SIZE];
    if (request->refusal.retry_after_s > 0)
        return request->refusal.retry_after_s;
    if (format_until(&request->fault, text))
        return seconds_until(request->fault.until_unix_ms);
    return problem_of(request->fault.code)->retry_after_s;
}

enum MHD_Result answer_problem(struct request *request)
{
    const struct problem *problem = problem_of(request->fault.code);
    int64_t wait_s = retry_after_s(request);
    char number[24];
    struct MHD_Response *response =
        json_response(answer_problem_json(request), "application/problem+json");
    if (response == NULL)
        return MHD_NO;
    if (wait_s > 0) {
        (void)snprintf(number, sizeof number, "%lld", (long long)wait_s);
        add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, number);
    }
    if (request->match.allow[0] != '\0')
        add_header(response, MHD_HTTP_HEADER_ALLOW, request->match.allow);
    if (request->content_range[0] != '\0')
        add_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, request->content_range);
    return answer_response(request, problem->status, response);
}
