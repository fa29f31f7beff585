/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Dispatch of the station socket: who asks, may he, do it, answer, one line. Owns no state. */
#include "vault/station.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fault_message.h"
#include "core/log.h"
#include "vault/catalogue.h"
#include "vault/message.h"
#include "vault/station_roles.h"
#include "vault/vault_client.h"

#define REQUEST_ID_MAX    64
#define TRACEPARENT_BYTES 55
#define TIMEOUT_MS        10000   /* of an asker who does not say */
#define ANSWER_SHARE      20      /* of what the asker waits, kept for the way back */
#define SLOW_US           1000000 /* a request that took longer is worth a line */
#define LANE_PREFIX       "principal:"

/* One question, and what its line in the log says. */
struct question {
    const request_message *message;
    const struct station_row *row; /* NULL: no such operation */
    struct ledger_principal caller;
    bool is_known; /* caller is set */
    struct sha256 principal;
};

/* ---- who asks, and may he ---- */

static bool is_traceparent(const char *text)
{
    size_t length = strnlen(text, TRACEPARENT_BYTES + 1);
    return length == 0 || length == TRACEPARENT_BYTES;
}

static enum error check_marks(const request_message *message, struct fault *fault)
{
    if (!station_is_text(message->request_id, REQUEST_ID_MAX))
        return station_refuse_field(fault, "request_id");
    if (!is_traceparent(message->traceparent))
        return station_refuse_field(fault, "traceparent");
    return ERR_OK;
}

/* What all keys of a principal have in common and nobody else has; names are for ever. */
static struct sha256 digest_of(const struct ledger_principal *principal)
{
    char text[sizeof LANE_PREFIX + LEDGER_NAME_MAX];
    int length = snprintf(text, sizeof text, "%s%s", LANE_PREFIX, principal->name);
    return sha256_of(bytes_of(text, (size_t)length));
}

static enum error find_caller(struct vault *vault, struct question *question, struct fault *fault)
{
    struct sha256 spki;
    if (question->row->roles == 0)
        return ERR_OK;
    if (!station_read_digest(&question->message->caller_spki, &spki))
        return station_refuse_field(fault, "caller_spki");
    enum error e = catalogue_principal(vault->catalogue, &spki, &question->caller, fault);
    question->is_known = e == ERR_OK;
    if (question->is_known)
        question->principal = digest_of(&question->caller);
    if (e == ERR_OK && !station_role_may(question->row, question->caller.role))
        e = station_refuse_role(question->row->roles, question->caller.role, fault);
    return e;
}

/* Serving it would only keep others waiting. */
static enum error check_deadline(const struct answer *answer, struct fault *fault)
{
    if (deadline_left_ms(answer->deadline) > 0)
        return ERR_OK;
    return fault_set(fault, ERR_BUSY, "waited-too-long",
                     "The request waited too long for its turn in the vault.", 0);
}

static enum error serve(struct vault *vault, struct question *question, struct answer *answer)
{
    enum error e = check_marks(question->message, &answer->fault);
    question->row = station_row_find(question->message->op_case);
    if (e == ERR_OK && question->row == NULL)
        e = station_refuse_field(&answer->fault, "op");
    if (e == ERR_OK)
        e = find_caller(vault, question, &answer->fault);
    if (e == ERR_OK)
        e = check_deadline(answer, &answer->fault);
    if (e == ERR_OK)
        e = question->row->serve(vault, question->message, &question->caller, answer);
    if (e == ERR_OK)
        answer->fault = (struct fault){0};
    return e;
}

/* ---- the line ---- */

static void log_request(const struct question *question, const struct fault *fault,
                        int64_t duration_us, int64_t wait_us)
{
    const request_message *message = question->message;
    bool is_notable = fault->code != ERR_OK || duration_us + wait_us > SLOW_US;
    log_event(
        is_notable ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "station-request",
        LOG_TEXT("request_id",
                 station_is_text(message->request_id, REQUEST_ID_MAX) ? message->request_id : ""),
        LOG_TEXT("traceparent", is_traceparent(message->traceparent) ? message->traceparent : ""),
        LOG_TEXT("operation", question->row != NULL ? question->row->name : ""),
        LOG_TEXT("principal", question->is_known ? question->caller.name : ""),
        LOG_TEXT("code", error_name(fault->code)), LOG_TEXT("reason", fault->reason),
        LOG_NUMBER("native", fault->native), LOG_NUMBER("duration_us", duration_us),
        LOG_NUMBER("queue_wait_us", wait_us));
}

/* ---- answering ---- */

static const struct fault TOO_LARGE = {
    .code = ERR_INTERNAL,
    .reason = "answer-too-large",
    .detail = "The answer would be larger than 3 MiB: ask for less, for one by its name."};

/* Whoever asked for too much is told so; the link is everybody's. */
static void shorten(reply_message *message, Provisiond__FaultMessage *fault_message)
{
    if (provisiond__station_reply__get_packed_size(message) <= VAULT_REPLY_MAX_BYTES)
        return;
    fault_to_message(&TOO_LARGE, fault_message);
    ProtobufCBinaryData principal = message->principal;
    provisiond__station_reply__init(message);
    message->principal = principal;
    message->fault = fault_message;
}

static void send_reply(struct rpc_call *call, reply_message *message, int file)
{
    Provisiond__FaultMessage fault;
    shorten(message, &fault);
    size_t length = provisiond__station_reply__get_packed_size(message);
    uint8_t *payload = malloc(length + 1);
    if (payload == NULL || length == 0) {
        free(payload);
        rpc_hang_up(call);
        return;
    }
    provisiond__station_reply__pack(message, payload);
    rpc_reply(call, bytes_of(payload, length), &file, file >= 0);
    free(payload);
}

static void answer_clear(struct answer *answer)
{
    if (answer->file >= 0)
        (void)close(answer->file);
    if (answer->free_memory != NULL)
        answer->free_memory(answer->memory);
}

void *station_read(const struct rpc_call *call, struct sha256 *ret_key, size_t *ret_bytes)
{
    request_message *message =
        (request_message *)message_unpack(&provisiond__station_request__descriptor,
                                          rpc_call_request(call), MESSAGE_MAX_BYTES, ret_bytes);
    if (message != NULL && !station_read_digest(&message->lane, ret_key))
        (void)station_read_digest(&message->caller_spki, ret_key);
    return message;
}

static void send_answer(struct rpc_call *call, struct answer *answer)
{
    Provisiond__FaultMessage fault;
    fault_to_message(&answer->fault, &fault);
    answer->message.fault = &fault;
    send_reply(call, &answer->message, answer->file);
}

/* The wait in the queue has used up a part of what the asker waits. */
static deadline_ms deadline_of(const struct rpc_call *call, const request_message *message)
{
    int64_t timeout_ms = message->timeout_ms > 0 ? message->timeout_ms : TIMEOUT_MS;
    return deadline_in(timeout_ms - timeout_ms / ANSWER_SHARE - rpc_call_age_ms(call));
}

void station_serve(void *context, struct rpc_call *call, void *message, int64_t wait_us)
{
    struct answer answer = {.file = -1, .deadline = deadline_of(call, message)};
    struct question question = {.message = message};
    int64_t began_us = clock_monotonic_us();
    provisiond__station_reply__init(&answer.message);
    (void)serve(context, &question, &answer);
    log_request(&question, &answer.fault, clock_monotonic_us() - began_us, wait_us);
    if (question.is_known)
        answer.message.principal =
            (ProtobufCBinaryData){.len = SHA256_SIZE, .data = question.principal.bytes};
    send_answer(call, &answer);
    answer_clear(&answer);
    provisiond__station_request__free_unpacked(message, NULL);
}

/* Not a line for each: they come in floods, and /metrics counts them. */
void station_refuse(void *context, struct rpc_call *call, void *message, const struct fault *why)
{
    struct answer answer = {.fault = *why, .file = -1};
    (void)context;
    provisiond__station_reply__init(&answer.message);
    send_answer(call, &answer);
    provisiond__station_request__free_unpacked(message, NULL);
}
