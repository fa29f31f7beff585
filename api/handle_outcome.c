/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* POST /v1/installs/{install_id}/outcome. Owns no state. */
#include <string.h>

#include "api/answer.h"
#include "api/handler.h"
#include "api/query.h"
#include "api/request.h"

static enum error ask(struct request *request, struct uuid *install, struct outcome_body *body)
{
    static const Provisiond__OutcomeResult results[] = {
        [OUTCOME_OF_SUCCESS] = PROVISIOND__OUTCOME_RESULT__OUTCOME_SUCCEEDED,
        [OUTCOME_OF_FAILURE] = PROVISIOND__OUTCOME_RESULT__OUTCOME_FAILED,
        [OUTCOME_OF_SCRAP] = PROVISIOND__OUTCOME_RESULT__OUTCOME_SCRAPPED};
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__OutcomeRequest outcome = PROVISIOND__OUTCOME_REQUEST__INIT;
    outcome.install_id.data = install->bytes;
    outcome.install_id.len = UUID_SIZE;
    outcome.result = results[body->outcome];
    outcome.code = body->code;
    outcome.detail = body->detail;
    outcome.device_receipt.data = body->device_receipt;
    outcome.device_receipt.len = body->device_receipt_length;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_OUTCOME;
    message.outcome = &outcome;
    return request_ask(request, &message);
}

static enum error start(struct request *request)
{
    struct outcome_result *result = &request->result.outcome;
    struct outcome_body body;
    struct uuid install;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    if (!uuid_parse(request->match.segment, "ins-", &install))
        return fault_set(&request->fault, ERR_INSTALL_UNKNOWN, "not-an-install",
                         "The path names no install: \"ins-\" and a UUID is one.", 0);
    e = outcome_body_read(bytes_of(request->body, request->body_length), &body, &request->path,
                          &request->fault);
    if (e != ERR_OK)
        return e;
    uuid_format(&install, "ins-", result->install, sizeof result->install);
    strcpy(result->result, body.result);
    result->has_receipt = body.device_receipt_length > 0;
    return ask(request, &install, &body);
}

static enum error take(struct request *request, const Provisiond__StationReply *reply, int *file)
{
    struct outcome_result *result = &request->result.outcome;
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_OUTCOME ||
        reply->outcome->attempt <= 0)
        return request_refuse_reply(request);
    result->is_proven = reply->outcome->proven;
    result->is_scrap_drawn = reply->outcome->scrap_drawn;
    result->attempt = reply->outcome->attempt;
    return ERR_OK;
}

/* The device's receipt is the one member that provisiond passes on unread. */
static void locate(struct request *request)
{
    if (request->fault.code == ERR_BAD_REQUEST && request->result.outcome.has_receipt)
        strcpy(request->path.text, "$.device_receipt");
}

static enum MHD_Result answer(struct request *request)
{
    const struct outcome_result *result = &request->result.outcome;
    json_t *json =
        json_pack("{ss ss sb sI}", "install_id", result->install, "result", result->result,
                  "proven", result->is_proven, "attempt", (json_int_t)result->attempt);
    if (json != NULL && strcmp(result->result, "scrapped") == 0)
        (void)json_object_set_new(json, "scrap_drawn", json_boolean(result->is_scrap_drawn));
    return answer_json(request, MHD_HTTP_OK, json);
}

const struct handler OUTCOME_HANDLER = {
    .start = start, .take = take, .locate = locate, .answer = answer};
