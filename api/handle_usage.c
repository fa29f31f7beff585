/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GET /v1/products/{product}/usage. Owns no state. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "api/answer.h"
#include "api/handler.h"
#include "api/query.h"
#include "api/request.h"

/* A number of the vault's reply and its member in the answer. */
struct number {
    const char *name;
    size_t offset;
};

#define NUMBER(json_name, member)                              \
    {                                                          \
        (json_name), offsetof(Provisiond__UsageReply, member), \
    }

static const struct number COUNTS[] = {
    NUMBER("granted", granted),
    NUMBER("charged", charged),
    NUMBER("remaining", remaining),
    NUMBER("licensed", licensed),
    NUMBER("succeeded", succeeded),
    NUMBER("failed", failed),
    NUMBER("scrapped", scrapped),
    NUMBER("unreported", unreported),
    NUMBER("accepted", accepted),
    NUMBER("revoked", revoked),
    NUMBER("scrap_allowance", scrap_allowance),
    NUMBER("scrap_drawn", scrap_drawn),
    NUMBER("proven", proven),
};
static_assert(sizeof COUNTS / sizeof COUNTS[0] == USAGE_COUNTS, "each count has its place");

static const struct number AGES[] = {
    NUMBER("under_1h", unreported_hour),
    NUMBER("under_1d", unreported_day),
    NUMBER("under_7d", unreported_week),
    NUMBER("older", unreported_older),
};
static_assert(sizeof AGES / sizeof AGES[0] == USAGE_AGES, "each age has its place");

static enum error start(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__UsageRequest usage = PROVISIOND__USAGE_REQUEST__INIT;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    if (!name_is_valid(request->match.segment, API_NAME_MAX_BYTES))
        return fault_set(&request->fault, ERR_PRODUCT_UNKNOWN, "not-a-product",
                         "The path names no product.", 0);
    usage.product = request->match.segment;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_USAGE;
    message.usage = &usage;
    return request_ask(request, &message);
}

/* ---- the reply ---- */

static bool take_numbers(const Provisiond__UsageReply *from, const struct number *numbers,
                         size_t count, int64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(&out[i], (const char *)from + numbers[i].offset, sizeof out[i]);
        if (out[i] < 0)
            return false;
    }
    return true;
}

static bool is_sound(const Provisiond__UsageReply *reply)
{
    return (strcmp(reply->policy, "per-device") == 0 ||
            strcmp(reply->policy, "per-license") == 0) &&
           name_is_valid(reply->anchor, FAULT_REASON_SIZE - 1);
}

static enum error take(struct request *request, const Provisiond__StationReply *reply, int *file)
{
    struct usage_result *result = &request->result.usage;
    const Provisiond__UsageReply *from = reply->usage;
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_USAGE || !is_sound(from) ||
        !take_numbers(from, COUNTS, USAGE_COUNTS, result->counts) ||
        !take_numbers(from, AGES, USAGE_AGES, result->ages))
        return request_refuse_reply(request);
    result->is_governed = from->governed;
    strcpy(result->policy, from->policy);
    strcpy(result->anchor, from->anchor);
    return ERR_OK;
}

/* ---- the answer ---- */

/* Takes json over, NULL too. NULL when memory is out. */
static json_t *put_numbers(json_t *json, const struct number *numbers, size_t count,
                           const int64_t *values)
{
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_integer((json_int_t)values[i]);
        if (json_object_set_new(json, numbers[i].name, value) == 0)
            continue;
        json_decref(json); /* an account with a gap is none */
        return NULL;
    }
    return json;
}

static enum MHD_Result answer(struct request *request)
{
    const struct usage_result *usage = &request->result.usage;
    json_t *ages = put_numbers(json_object(), AGES, USAGE_AGES, usage->ages);
    json_t *json = json_pack("{ss sb ss ss so}", "product", request->match.segment, "governed",
                             usage->is_governed, "policy", usage->policy, "anchor", usage->anchor,
                             "unreported_age", ages);
    return answer_json(request, MHD_HTTP_OK,
                       put_numbers(json, COUNTS, USAGE_COUNTS, usage->counts));
}

const struct handler USAGE_HANDLER = {.start = start, .take = take, .answer = answer};
