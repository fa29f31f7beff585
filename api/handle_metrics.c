/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GET /metrics: the vault's numbers where it gives them, and always provisiond's own. */
#include <stdlib.h>

#include "api/answer.h"
#include "api/exposition.h"
#include "api/handler.h"
#include "api/metrics.h"
#include "api/query.h"
#include "api/request.h"

#define MEDIA_TYPE "text/plain; version=0.0.4; charset=utf-8"

static enum error start(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__MetricsRequest metrics = PROVISIOND__METRICS_REQUEST__INIT;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_METRICS;
    message.metrics = &metrics;
    return request_ask(request, &message);
}

/* Closes out; *text is NULL when memory was out. */
static void end_text(FILE *out, char **text)
{
    if (fclose(out) == 0)
        return;
    free(*text);
    *text = NULL;
}

static enum error take(struct request *request, const Provisiond__StationReply *reply, int *file)
{
    char *text = NULL;
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_METRICS ||
        !metrics_is_sound(reply->metrics))
        return request_refuse_reply(request);
    FILE *out = open_memstream(&text, &request->kept_length);
    if (out == NULL)
        return request_refuse_memory(request);
    metrics_write_vault(reply->metrics, out);
    end_text(out, &text);
    request->kept = text;
    return text != NULL ? ERR_OK : request_refuse_memory(request);
}

static void write_all(struct request *request, FILE *out)
{
    exposition_gauge_of(out, "provisiond_vault_up", "1 when the vault gave its numbers.",
                        request->kept != NULL);
    metrics_write_own(request->api, out);
    if (request->kept != NULL)
        (void)fwrite(request->kept, 1, request->kept_length, out);
}

/* A vault that cannot answer says nothing about the caller; one that refuses the caller does. */
static bool is_without_vault(enum error code)
{
    return error_is_retryable(code) || code == ERR_INTERNAL;
}

static enum MHD_Result answer(struct request *request)
{
    char *text = NULL;
    size_t length = 0;
    if (request->fault.code != ERR_OK && !is_without_vault(request->fault.code))
        return answer_problem(request);
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return MHD_NO;
    write_all(request, out);
    end_text(out, &text);
    if (text == NULL)
        return MHD_NO;
    free(request->kept);
    request->kept = text;
    request->kept_length = length;
    return answer_kept(request, MEDIA_TYPE, "no-store");
}

const struct handler METRICS_HANDLER = {.start = start,
                                        .take = take,
                                        .answer = answer,
                                        .timeout_ms = API_HEALTH_TIMEOUT_MS,
                                        .answers_faults = true};
