/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a request, and its question to the vault. */
#include "api/request.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/gate.h"
#include "api/handler.h"
#include "api/request_limits.h"
#include "api/server.h"
#include "core/clock.h"
#include "core/log.h"

#define REQUEST_ID_RANDOM_BYTES 16
#define BODY_ROOM_FIRST         16384

/* ---- headers ---- */

const char *request_header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

bool request_is_head(const struct request *request)
{
    return strcmp(request->method, "HEAD") == 0;
}

static bool is_request_id(const char *text)
{
    size_t length = strlen(text);
    return length >= 1 && length <= API_REQUEST_ID_MAX &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               length;
}

static void choose_id(struct request *request)
{
    uint8_t random[REQUEST_ID_RANDOM_BYTES];
    const char *sent = request_header(request, "X-Request-Id");
    if (sent != NULL && is_request_id(sent)) {
        strcpy(request->id, sent);
        return;
    }
    random_fill(random, sizeof random);
    hex_encode(bytes_of(random, sizeof random), request->id);
}

static bool is_lower_hex(const char *text, size_t length)
{
    bool has_digit = false; /* an all-zero id is invalid */
    for (size_t i = 0; i < length; i++) {
        if (strchr("0123456789abcdef", text[i]) == NULL)
            return false;
        has_digit = has_digit || text[i] != '0';
    }
    return has_digit;
}

/* W3C trace context, version 00: "00-<32 hex>-<16 hex>-<2 hex>". */
static bool is_traceparent(const char *text)
{
    return strlen(text) == TRACEPARENT_SIZE - 1 && strncmp(text, "00-", 3) == 0 &&
           text[35] == '-' && text[52] == '-' && is_lower_hex(text + 3, 32) &&
           is_lower_hex(text + 36, 16) && strspn(text + 53, "0123456789abcdef") == 2;
}

static const char *known_method(const char *method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(method, known[i]) == 0)
            return known[i];
    }
    return "OTHER";
}

/* ---- life ---- */

struct request *request_new(struct api *api, struct MHD_Connection *connection,
                            struct caller *caller, const char *method)
{
    struct request *request = calloc(1, sizeof *request);
    if (request == NULL)
        return NULL;
    request->api = api;
    request->connection = connection;
    request->caller = caller;
    atomic_init(&request->references, 1);
    request->started_us = clock_monotonic_us();
    request->method = known_method(method);
    request->file = -1;
    choose_id(request);
    const char *trace = request_header(request, "traceparent");
    if (trace != NULL && is_traceparent(trace))
        strcpy(request->traceparent, trace);
    return request;
}

void request_release(struct request *request)
{
    if (atomic_fetch_sub(&request->references, 1) != 1)
        return;
    if (request->file >= 0)
        (void)close(request->file);
    request_drop_body(request);
    free(request->kept);
    free(request);
}

/* ---- what the caller may ask ---- */

enum error request_meter(struct request *request)
{
    enum error e = rate_enter(request->api->rate, &request->caller->peer.spki, request->started_us,
                              &request->meter, &request->refusal, &request->fault);
    request->is_metered = e == ERR_OK;
    request->paid = 1;
    return e;
}

enum error request_meter_as(struct request *request, size_t requests)
{
    if (!request->is_metered || requests <= request->paid)
        return ERR_OK;
    enum error e = rate_take(request->api->rate, &request->meter,
                             (unsigned)(requests - request->paid), (unsigned)request->paid,
                             clock_monotonic_us(), &request->refusal, &request->fault);
    if (e == ERR_OK)
        request->paid = requests;
    return e;
}

/* The vault says whose key asked; or, with a refusal, that it is nobody's who may ask. */
static void note_principal(struct request *request, const Provisiond__StationReply *reply)
{
    struct rate *rate = request->api->rate;
    const struct sha256 *key = &request->caller->peer.spki;
    struct sha256 principal;
    if (reply->principal.len == SHA256_SIZE) {
        memcpy(principal.bytes, reply->principal.data, SHA256_SIZE);
        rate_learn(rate, key, &principal, clock_monotonic_us());
    } else if (request->fault.code == ERR_FORBIDDEN) {
        rate_learn(rate, key, NULL, clock_monotonic_us());
    }
}

/* ---- the body ---- */

uint64_t request_content_length(const struct request *request)
{
    const char *text = request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

void request_drop_body(struct request *request)
{
    free(request->body);
    request->body = NULL;
    request->body_length = 0;
    budget_give(&request->api->bodies, request->body_room);
    request->body_room = 0;
}

/* It grows as bytes come: who says that many will come has no room for them yet. */
static size_t next_room(const struct request *request, size_t needed)
{
    size_t max = limits_body_max(request->api->config, request->match.route->body);
    uint64_t length = request_content_length(request);
    size_t room = request->body_room > 0 ? 2 * request->body_room : BODY_ROOM_FIRST;
    if (room > max)
        room = max;
    if (room < needed) /* the limit may have become less since it was looked at */
        room = needed;
    return length >= needed && length < room ? (size_t)length : room;
}

/* Large bodies, which are batches, leave a quarter to the others. */
static bool make_body_room(struct request *request, size_t needed)
{
    if (needed <= request->body_room)
        return true;
    size_t room = next_room(request, needed);
    size_t more = room - request->body_room;
    if (!budget_take(&request->api->bodies, more, room > API_BODY_MAX_BYTES ? 3 : 4)) {
        (void)fault_set(&request->fault, ERR_BUSY, "memory",
                        "The server holds as many bytes of requests as it may at once.", 0);
        return false;
    }
    uint8_t *grown = realloc(request->body, room);
    if (grown == NULL) {
        budget_give(&request->api->bodies, more);
        (void)request_refuse_memory(request);
        return false;
    }
    request->body = grown;
    request->body_room = room;
    return true;
}

void request_keep_body(struct request *request, const char *data, size_t length)
{
    request->received += length;
    if (request->fault.code != ERR_OK || request->match.route->body == NULL)
        return;
    const struct route_body *body = request->match.route->body;
    if (limits_check_body(request->api->config, body, request->received, &request->fault) !=
            ERR_OK ||
        !make_body_room(request, request->body_length + length)) {
        request_drop_body(request);
        return;
    }
    memcpy(request->body + request->body_length, data, length);
    request->body_length += length;
}

/* ---- the vault ---- */

enum error request_refuse_reply(struct request *request)
{
    return fault_set(&request->fault, ERR_INTERNAL, "vault-answer",
                     "The vault's answer is not what was asked for: its version may differ.", 0);
}

enum error request_refuse_memory(struct request *request)
{
    return fault_set(&request->fault, ERR_BUSY, "memory", "The server is out of memory.", 0);
}

enum error request_keep_reply(struct request *request, struct bytes data)
{
    request->kept = malloc(data.length);
    if (request->kept == NULL)
        return request_refuse_memory(request);
    memcpy(request->kept, data.data, data.length);
    request->kept_length = data.length;
    return ERR_OK;
}

/* On the vault client's thread, or inside request_ask when the question could not be sent. */
static void note_answer(void *context, const struct fault *fault,
                        const Provisiond__StationReply *reply, int file)
{
    struct request *request = context;
    struct gate *gate = &request->api->gate;
    const struct handler *handler = request->match.route->handler;
    request->fault = *fault;
    if (reply != NULL)
        note_principal(request, reply);
    if (fault->code == ERR_OK && reply == NULL)
        (void)request_refuse_reply(request);
    else if (fault->code == ERR_OK)
        (void)handler->take(request, reply, &file);
    else if (handler->locate != NULL)
        handler->locate(request);
    if (file >= 0)
        (void)close(file);
    MHD_resume_connection(request->connection);
    request_release(request);
    gate_leave(gate, GATE_WAITING);
}

static uint32_t timeout_of(const struct request *request)
{
    uint32_t longest = request->api->config->vault_timeout_ms;
    uint32_t own = request->match.route->handler->timeout_ms;
    return own > 0 && own < longest ? own : longest;
}

enum error request_ask(struct request *request, Provisiond__StationRequest *message)
{
    struct api *api = request->api;
    uint32_t timeout_ms = timeout_of(request);
    if (!gate_enter_question(&api->gate))
        return fault_set(&request->fault, ERR_VAULT_UNAVAILABLE, "stopping",
                         "The server is stopping.", 0);
    message->request_id = request->id;
    message->traceparent = request->traceparent;
    if (message->op_case != PROVISIOND__STATION_REQUEST__OP_READY) {
        message->caller_spki.data = request->caller->peer.spki.bytes;
        message->caller_spki.len = SHA256_SIZE;
    }
    message->lane.data =
        request->is_metered ? request->meter.bytes : request->caller->peer.spki.bytes;
    message->lane.len = SHA256_SIZE;
    message->timeout_ms = timeout_ms;
    request->step = REQUEST_WAITING;
    (void)atomic_fetch_add(&request->references, 1);
    watch_set(&request->caller->watched, WATCH_NEVER);
    MHD_suspend_connection(request->connection);
    vault_station_send(api->vault, message, deadline_in(timeout_ms), note_answer, request);
    gate_leave(&api->gate, GATE_SENDING);
    return ERR_OK;
}

/* ---- the log ---- */

/* Who is refused again and again, and the watchdog, shall not drown the others' lines. */
static enum log_level level_of(const struct request *request)
{
    if (request->refusal.is_repeated || request->caller->is_own)
        return LOG_LEVEL_DEBUG;
    return request->status >= 500 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
}

void request_log(const struct request *request, bool is_complete)
{
    const struct route *route = request->match.route;
    log_event(
        level_of(request), "request", LOG_TEXT("request_id", request->id),
        LOG_TEXT("trace", request->traceparent), LOG_TEXT("peer", request->caller->address),
        LOG_TEXT("principal", request->caller->principal), LOG_TEXT("method", request->method),
        LOG_TEXT("route", route != NULL ? route->pattern : "-"),
        LOG_NUMBER("status", request->status), LOG_TEXT("problem", error_name(request->fault.code)),
        LOG_TEXT("reason", request->fault.reason), LOG_NUMBER("native", request->fault.native),
        LOG_NUMBER("received_bytes", (int64_t)request->received),
        LOG_TEXT("end", is_complete ? "complete" : "broken"),
        LOG_NUMBER("duration_us", clock_monotonic_us() - request->started_us));
}
