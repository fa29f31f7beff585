/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GET /livez and GET /readyz. Owns no state. */
#include <stdio.h>
#include <string.h>

#include "api/answer.h"
#include "api/handler.h"
#include "api/problem.h"
#include "api/request.h"

/* ---- livez: the event loop answers, nothing else is looked at ---- */

static enum error live_start(struct request *request)
{
    (void)request;
    return ERR_OK;
}

static enum MHD_Result live_answer(struct request *request)
{
    return answer_json(request, MHD_HTTP_OK, json_pack("{ss}", "status", "live"));
}

const struct handler LIVE_HANDLER = {.start = live_start, .answer = live_answer};

/* ---- readyz: would a license be issued now ---- */

static enum error ready_start(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__ReadyRequest ready = PROVISIOND__READY_REQUEST__INIT;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_READY;
    message.ready = &ready;
    return request_ask(request, &message);
}

static enum error ready_take(struct request *request, const Provisiond__StationReply *reply,
                             int *file)
{
    struct ready_result *result = &request->result.ready;
    const Provisiond__ReadyReply *from = reply->ready;
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_READY ||
        !name_is_valid(from->hsm, sizeof result->hsm - 1) ||
        !name_is_valid(from->ledger, sizeof result->ledger - 1) ||
        !name_is_valid(from->anchor, sizeof result->anchor - 1))
        return request_refuse_reply(request);
    strcpy(result->hsm, from->hsm);
    strcpy(result->ledger, from->ledger);
    strcpy(result->anchor, from->anchor);
    (void)snprintf(result->detail, sizeof result->detail, "%s",
                   from->hsm_detail[0] != '\0' ? from->hsm_detail : from->anchor_detail);
    return ERR_OK;
}

/* An HSM that keeps no anchor serves its local products. */
static bool are_well(const char *vault, const struct ready_result *checks)
{
    return strcmp(vault, "ok") == 0 && strcmp(checks->hsm, "ok") == 0 &&
           strcmp(checks->ledger, "ok") == 0 &&
           (strcmp(checks->anchor, "ok") == 0 || strcmp(checks->anchor, "none") == 0);
}

static enum MHD_Result answer_checks(struct request *request, const char *vault,
                                     const struct ready_result *checks)
{
    bool is_ready = are_well(vault, checks);
    json_t *json = json_pack("{ss s{ss ss ss ss}}", "status", is_ready ? "ready" : "not-ready",
                             "checks", "vault", vault, "hsm", checks->hsm, "ledger", checks->ledger,
                             "anchor", checks->anchor);
    if (json != NULL && checks->detail[0] != '\0')
        (void)json_object_set_new(json, "detail", json_string(checks->detail));
    return answer_json(request, is_ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, json);
}

static enum MHD_Result ready_answer(struct request *request)
{
    struct ready_result unknown = {.hsm = "unknown", .ledger = "unknown", .anchor = "unknown"};
    if (request->fault.code == ERR_OK)
        return answer_checks(request, "ok", &request->result.ready);
    /* Whatever stopped the question: what lies behind the vault is not known then. */
    strcpy(unknown.detail, request->fault.detail);
    return answer_checks(request, error_name(request->fault.code), &unknown);
}

const struct handler READY_HANDLER = {
    .start = ready_start, .take = ready_take, .answer = ready_answer, .answers_faults = true};
