/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GET /v1/products/{product}/usage. Owns no state. */
#include "api/answer.h"
#include "api/handler.h"
#include "api/request.h"

static enum error start(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__UsageRequest usage = PROVISIOND__USAGE_REQUEST__INIT;
    if (!name_is_valid(request->match.segment, API_NAME_MAX_BYTES))
        return fault_set(&request->fault, ERR_PRODUCT_UNKNOWN, "not-a-product",
                         "The path names no product.", 0);
    usage.product = request->match.segment;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_USAGE;
    message.usage = &usage;
    return request_ask(request, &message);
}

static enum error take(struct request *request, const Provisiond__StationReply *reply, int *file)
{
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_USAGE)
        return request_refuse_reply(request);
    const Provisiond__UsageReply *from = reply->usage;
    request->result.usage = (struct usage_result){.granted = from->granted,
                                                  .charged = from->charged,
                                                  .remaining = from->remaining,
                                                  .licensed = from->licensed,
                                                  .succeeded = from->succeeded,
                                                  .failed = from->failed,
                                                  .scrapped = from->scrapped,
                                                  .unreported = from->unreported};
    return ERR_OK;
}

static enum MHD_Result answer(struct request *request)
{
    const struct usage_result *usage = &request->result.usage;
    json_t *json = json_pack(
        "{ss sI sI sI sI sI sI sI sI}", "product", request->match.segment, "granted",
        (json_int_t)usage->granted, "charged", (json_int_t)usage->charged, "remaining",
        (json_int_t)usage->remaining, "licensed", (json_int_t)usage->licensed, "succeeded",
        (json_int_t)usage->succeeded, "failed", (json_int_t)usage->failed, "scrapped",
        (json_int_t)usage->scrapped, "unreported", (json_int_t)usage->unreported);
    return answer_json(request, MHD_HTTP_OK, json);
}

const struct handler USAGE_HANDLER = {.start = start, .take = take, .answer = answer};
