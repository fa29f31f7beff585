/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POST /v1/licenses/batch: many license requests as one question to the vault.
 *
 * A request that was read is kept with its bytes and no more, because the struct that it is read
 * into has room for the largest chain. Owns no state.
 */
#include "api/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/handler.h"
#include "api/json_writer.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/reply.h"
#include "api/request.h"
#include "core/crash_point.h"
#include "core/fault_message.h"

/* ---- what is kept of a request ---- */

/* One allocation: the messages, and behind them what they point at. */
struct item {
    Provisiond__LicenseRequest license;
    Provisiond__LicenseContext context;
    char bytes[];
};

static void keep_bytes(char **at, ProtobufCBinaryData *data)
{
    if (data->len > 0)
        memcpy(*at, data->data, data->len);
    data->data = (uint8_t *)*at;
    *at += data->len;
}

static void keep_text(char **at, char **text)
{
    size_t size = strlen(*text) + 1;
    memcpy(*at, *text, size);
    *text = *at;
    *at += size;
}

static size_t size_of(const Provisiond__LicenseRequest *license)
{
    const Provisiond__LicenseContext *context = license->context;
    const char *const texts[] = {license->product,    context->lot,           context->line,
                                 context->work_order, context->operator_name, context->socket};
    size_t size = license->image.len + license->certificate_chain.len +
                  license->st_certificate.len + license->public_key.len;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        size += strlen(texts[i]) + 1;
    return size;
}

/* NULL when memory is out. */
static struct item *item_new(const Provisiond__LicenseRequest *license)
{
    struct item *item = malloc(sizeof *item + size_of(license));
    if (item == NULL)
        return NULL;
    char *at = item->bytes;
    item->license = *license;
    item->context = *license->context;
    item->license.context = &item->context;
    keep_bytes(&at, &item->license.image);
    keep_bytes(&at, &item->license.certificate_chain);
    keep_bytes(&at, &item->license.st_certificate);
    keep_bytes(&at, &item->license.public_key);
    keep_text(&at, &item->license.product);
    keep_text(&at, &item->context.lot);
    keep_text(&at, &item->context.line);
    keep_text(&at, &item->context.work_order);
    keep_text(&at, &item->context.operator_name);
    keep_text(&at, &item->context.socket);
    return item;
}

/* ---- the question ---- */

struct batch {
    struct batch_result *result;
    Provisiond__LicenseRequest *licenses[API_BATCH_MAX]; /* each the begin of an item */
};

static void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->result->count; i++)
        free(batch->licenses[i]);
}

/* The member of "device" that came. */
static const char *shown_by(const Provisiond__LicenseRequest *license)
{
    if (license->st_certificate.len > 0)
        return "st_certificate";
    return license->public_key.len > 0 ? "public_key" : "certificate_chain";
}

static enum error take_body(void *context, const void *body, struct fault *fault)
{
    struct batch *batch = context;
    struct license_body *request = (struct license_body *)(uintptr_t)body; /* only read */
    Provisiond__LicenseRequest license;
    Provisiond__LicenseContext about;
    license_fill(request, &license, &about);
    struct item *item = item_new(&license);
    if (item == NULL)
        return fault_set(fault, ERR_BUSY, "memory", "The server is out of memory.", 0);
    batch->result->shown[batch->result->count] = shown_by(&license);
    batch->licenses[batch->result->count++] = &item->license;
    return ERR_OK;
}

static enum error ask(struct request *request, struct batch *batch)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__LicenseBatchRequest question = PROVISIOND__LICENSE_BATCH_REQUEST__INIT;
    question.n_licenses = batch->result->count;
    question.licenses = batch->licenses;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_LICENSE_BATCH;
    message.license_batch = &question;
    crash_point("api.before-vault");
    return request_ask(request, &message);
}

static enum error start(struct request *request)
{
    /* A copy of the result: after the question is asked, the request's is another thread's. */
    struct batch_result result = {0};
    struct batch batch = {.result = &result};
    const struct license_batch reader = {.take = take_body, .context = &batch};
    enum error e = query_refuse_any(request);
    if (e == ERR_OK)
        e = license_batch_read(bytes_of(request->body, request->body_length), &reader,
                               &request->path, &request->fault);
    if (e == ERR_OK)
        e = request_meter_as(request, result.count);
    request->result.batch = result;
    if (e == ERR_OK)
        e = ask(request, &batch);
    batch_clear(&batch);
    return e;
}

/* ---- the answer ---- */

/* The place of the device's certificate in the request, which provisiond passes on unread. */
static void locate_item(struct request *request, size_t index)
{
    if (request->fault.code == ERR_BAD_REQUEST || request->fault.code == ERR_TOO_LARGE)
        (void)snprintf(request->path.text, sizeof request->path.text, "$.licenses[%zu].device.%s",
                       index, request->result.batch.shown[index]);
}

/* As the answer to a single request would be; the request's own fault is none. */
static void write_problem(struct request *request, size_t index, struct json_writer *writer)
{
    locate_item(request, index);
    write_count(writer, "status", problem_of(request->fault.code)->status);
    write_json(writer, "problem", answer_problem_json(request));
    memset(&request->fault, 0, sizeof request->fault);
    request->path.text[0] = '\0';
}

static void write_license(const Provisiond__LicenseReply *reply, struct json_writer *writer)
{
    struct license_result license = {0};
    if (reply == NULL || !license_read(reply, &license)) {
        write_unsound(writer);
        return;
    }
    write_count(writer, "status", license_status(&license));
    write_json(writer, "license", license_json(&license));
}

static enum error write_results(struct request *request, const Provisiond__StationReply *reply,
                                struct json_writer *writer)
{
    const Provisiond__LicenseBatchReply *from = reply->license_batch;
    if (from->n_results != request->result.batch.count)
        return request_refuse_reply(request);
    write_array(writer, "results");
    for (size_t i = 0; i < from->n_results; i++) {
        write_object(writer, NULL);
        if (fault_from_message(from->results[i]->fault, &request->fault) != ERR_OK)
            write_problem(request, i, writer);
        else
            write_license(from->results[i]->license, writer);
        write_end(writer);
    }
    write_end(writer);
    return ERR_OK;
}

static enum error take(struct request *request, const Provisiond__StationReply *reply, int *file)
{
    enum error e = reply_take(request, reply, file);
    crash_point("api.before-answer");
    return e;
}

const struct handler BATCH_HANDLER = {
    .start = start,
    .take = take,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_LICENSE_BATCH,
    .write = write_results,
};
