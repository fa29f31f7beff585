/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libmicrohttpd's callbacks: receive, start, wait, answer.
 *
 * The access handler is called with the headers, then with each piece of the body, then once more;
 * after a suspension it is called again. A request that is already lost is received to its end
 * (within limits) before it is answered, so that the client reads the answer and not a reset.
 */
#include "api/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/answer.h"
#include "api/caller.h"
#include "api/handler.h"
#include "api/lobby.h"
#include "api/metrics.h"
#include "api/rate.h"
#include "api/request_limits.h"
#include "api/request.h"
#include "core/clock.h"

/* ---- the headers ---- */

/* Whether a Content-Type is of that media type, with or without parameters. */
static bool is_of_type(const char *header, const char *media_type)
{
    size_t length = strlen(media_type);
    if (strncasecmp(header, media_type, length) != 0)
        return false;
    const char *rest = header + length;
    rest += strspn(rest, " \t");
    return *rest == '\0' || *rest == ';';
}

static bool is_taken(const struct route_body *body, const char *header)
{
    for (size_t i = 0; header != NULL && i < ROUTE_TYPES_MAX && body->media_types[i] != NULL; i++) {
        if (is_of_type(header, body->media_types[i]))
            return true;
    }
    return false;
}

static enum error check_body_headers(struct request *request)
{
    const struct route_body *body = request->match.route->body;
    if (body == NULL)
        return ERR_OK;
    if (!is_taken(body, request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE)))
        return fault_set(&request->fault, ERR_MEDIA_TYPE, "content-type", body->media_detail, 0);
    return limits_check_body(request->api->config, body, request_content_length(request),
                             &request->fault);
}

/* What they get leaves at once as long as they are few. */
static void meet_stranger(struct request *request)
{
    request->is_tiresome =
        caller_is_tiresome(request->caller, request->api, &request->refusal.is_repeated);
}

/* A caller without a certificate learns nothing about paths. */
static enum error check_headers(struct request *request, const char *url, const char *method)
{
    struct fault route_fault = {0};
    enum error found = route_find(method, url, &request->match, &route_fault);
    if (found == ERR_OK && request->match.route->is_public) {
        meet_stranger(request);
        return ERR_OK;
    }
    enum error e =
        caller_check(request->caller, request->connection, request->api, &request->fault);
    if (e == ERR_OK)
        e = request_meter(request);
    else
        meet_stranger(request);
    if (e != ERR_OK) {
        request->match.allow[0] = '\0';
        return e;
    }
    if (found != ERR_OK) {
        request->fault = route_fault;
        return found;
    }
    return check_body_headers(request);
}

/* Whether a lost request is answered without reading its body. */
static bool is_answered_at_once(const struct request *request)
{
    const char *expect = request_header(request, MHD_HTTP_HEADER_EXPECT);
    return request_content_length(request) > API_DRAIN_MAX_BYTES ||
           (expect != NULL && strcasecmp(expect, "100-continue") == 0);
}

static struct caller *caller_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* A reload may have changed it since the connection began. */
static void keep_idle_timeout(struct caller *caller, struct MHD_Connection *connection,
                              const struct config_api *config)
{
    if (caller->idle_timeout_s == config->idle_timeout_s)
        return;
    caller->idle_timeout_s = config->idle_timeout_s;
    (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
                                    config->idle_timeout_s);
}

static enum MHD_Result begin(struct api *api, struct MHD_Connection *connection, const char *url,
                             const char *method, void **state)
{
    struct caller *caller = caller_of(connection);
    struct request *request = caller != NULL ? request_new(api, connection, caller, method) : NULL;
    if (request == NULL)
        return MHD_NO;
    gate_enter(&api->gate, GATE_REQUESTS);
    *state = request;
    watch_set(&caller->watched, deadline_in(limits_receive_ms(api->config)));
    keep_idle_timeout(caller, connection, api->config);
    if (check_headers(request, url, method) != ERR_OK && is_answered_at_once(request))
        return answer_problem(request);
    return MHD_YES;
}

/* ---- the body ---- */

static enum MHD_Result receive(struct request *request, const char *data, size_t *data_size)
{
    request_keep_body(request, data, *data_size);
    *data_size = 0;
    return request->received > API_DRAIN_MAX_BYTES ? MHD_NO : MHD_YES;
}

/* ---- the answer ---- */

static enum MHD_Result answer(struct request *request)
{
    const struct handler *handler = request->match.route->handler;
    if (request->fault.code != ERR_OK && !handler->answers_faults)
        return answer_problem(request);
    return handler->answer(request);
}

/* The kinds of body that are JSON; the reader itself knows the largest depth only. */
static bool is_within_depth(struct request *request)
{
    const struct route_body *body = request->match.route->body;
    if (body == NULL || !is_of_type(body->media_types[0], "application/json"))
        return true;
    if (limits_check_depth(request->api->config, bytes_of(request->body, request->body_length),
                           &request->fault) == ERR_OK)
        return true;
    strcpy(request->path.text, "$");
    return false;
}

/* Its caller asks too much, or is one of many whom nobody knows. */
static bool owes_penance(const struct request *request)
{
    return !request->has_done_penance &&
           (request->is_tiresome || request->fault.code == ERR_RATE_LIMITED ||
            strcmp(request->fault.reason, "caller-busy") == 0);
}

/* By the vault: the certificate is one of the client CA, which the vault does not know or want. */
static bool is_of_stranger(const struct request *request)
{
    return request->fault.code == ERR_FORBIDDEN &&
           (strcmp(request->fault.reason, "principal-unknown") == 0 ||
            strcmp(request->fault.reason, "principal-disabled") == 0);
}

/* After the start step, the vault's answer or a penance. */
static enum MHD_Result go_on(struct request *request)
{
    if (!request->has_done_penance && is_of_stranger(request))
        meet_stranger(request);
    if (owes_penance(request) && penance_do(&request->api->penance, request))
        return MHD_YES;
    return request->is_started ? answer(request) : answer_problem(request);
}

/* Reading a body costs as its bytes do, whatever comes of it. */
static bool is_body_paid(struct request *request)
{
    return request_meter_as(request, 1 + request->body_length / API_BYTES_PER_REQUEST) == ERR_OK;
}

static enum MHD_Result start(struct request *request)
{
    if (request->fault.code != ERR_OK || !is_body_paid(request) || !is_within_depth(request))
        return go_on(request);
    request->is_started = true;
    enum error e = request->match.route->handler->start(request);
    request_drop_body(request);
    /* A suspended connection comes back through server_handle, on this same thread. */
    return e == ERR_OK && request->step == REQUEST_WAITING ? MHD_YES : go_on(request);
}

enum MHD_Result server_handle(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **state)
{
    struct request *request = *state;
    (void)version;
    if (request == NULL)
        return begin(cls, connection, url, method, state);
    if (*data_size > 0)
        return receive(request, data, data_size);
    return request->step != REQUEST_WAITING ? start(request) : go_on(request);
}

/* ---- the ends ---- */

void server_note_completed(void *cls, struct MHD_Connection *connection, void **state,
                           enum MHD_RequestTerminationCode code)
{
    struct api *api = cls;
    struct request *request = *state;
    (void)connection;
    if (request == NULL)
        return;
    *state = NULL;
    watch_set(&request->caller->watched, deadline_in(limits_pause_ms(api->config)));
    if (request->is_metered)
        rate_leave(api->rate, &request->meter);
    metrics_note(api->metrics, request->match.route, request->method, request->status,
                 clock_monotonic_us() - request->started_us);
    lobby_greet(api->lobby, request->caller->watched_tls.socket);
    request_log(request, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    request_release(request);
    gate_leave(&api->gate, GATE_REQUESTS);
}

static struct caller *meet(struct api *api, struct MHD_Connection *connection)
{
    struct caller *caller = caller_new(connection, api);
    /* The handshake and the first headers have as long as a body. */
    if (caller != NULL)
        watch_add(&api->watch, &caller->watched, caller->watched_tls.socket,
                  deadline_in(limits_receive_ms(api->config)));
    return caller;
}

void server_note_connection(void *cls, struct MHD_Connection *connection, void **caller,
                            enum MHD_ConnectionNotificationCode code)
{
    struct api *api = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *caller = meet(api, connection);
        return;
    }
    lobby_leave(api->lobby, caller_socket(connection));
    if (*caller == NULL)
        return;
    watch_remove(&api->watch, &((struct caller *)*caller)->watched);
    caller_free(*caller, api);
    *caller = NULL;
}
