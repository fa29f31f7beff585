/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* POST /v1/installs/{install_id}/outcome. Owns no state. */
#include <string.h>

#include "api/answer.h"
#include "api/handler.h"
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
    message.op_case = PROVISIOND__STATION_REQUEST__OP_OUTCOME;
    message.outcome = &outcome;
    return request_ask(request, &message);
}

static enum error start(struct request *request)
{
    struct outcome_result *result = &request->result.outcome;
    struct outcome_body body;
    struct uuid install;
    if (!uuid_parse(request->match.segment, "ins-", &install))
        return fault_set(&request->fault, ERR_INSTALL_UNKNOWN, "not-an-install",
                         "The path names no install: \"ins-\" and a UUID is one.", 0);
    enum error e = outcome_body_read(bytes_of(request->body, request->body_length), &body,
                                     &request->path, &request->fault);
    if (e != ERR_OK)
        return e;
    uuid_format(&install, "ins-", result->install, sizeof result->install);
    strcpy(result->result, body.result);
    return ask(request, &install, &body);
}

static enum error take(struct request *request, const Provisiond__StationReply *reply, int *file)
{
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_OUTCOME)
        return request_refuse_reply(request);
    return ERR_OK;
}

static enum MHD_Result answer(struct request *request)
{
    const struct outcome_result *result = &request->result.outcome;
    return answer_json(
        request, MHD_HTTP_OK,
        json_pack("{ss ss}", "install_id", result->install, "result", result->result));
}

const struct handler OUTCOME_HANDLER = {.start = start, .take = take, .answer = answer};
