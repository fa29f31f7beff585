/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* POST /v1/licenses, and what it shares with the drop-in route. Owns no state. */
#include "api/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "api/answer.h"
#include "api/device_image.h"
#include "api/handler.h"
#include "api/query.h"
#include "api/request.h"
#include "core/crash_point.h"

#define ID_SIZE     48 /* "lic-" or "ins-" and a UUID */
#define NUMBER_SIZE 24

/* ---- which form of answer ---- */

static enum license_form form_of(const char *range, size_t length)
{
    static const struct {
        const char *name;
        enum license_form form;
    } forms[] = {{"application/octet-stream", LICENSE_OCTETS},
                 {DEVICE_IMAGE_MEDIA_TYPE, LICENSE_IMAGE},
                 {"application/json", LICENSE_JSON},
                 {"application/*", LICENSE_JSON},
                 {"*/*", LICENSE_JSON}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strlen(forms[i].name) == length && strncasecmp(range, forms[i].name, length) == 0)
            return forms[i].form;
    }
    return LICENSE_NO_FORM;
}

/* The first media range of Accept that we have; weights are not read. */
static enum license_form choose_form(const char *accept)
{
    if (accept == NULL)
        return LICENSE_JSON;
    for (const char *at = accept + strspn(accept, " \t,"); *at != '\0';) {
        enum license_form form = form_of(at, strcspn(at, " \t,;"));
        if (form != LICENSE_NO_FORM)
            return form;
        at += strcspn(at, ",");
        at += strspn(at, " \t,");
    }
    return LICENSE_NO_FORM;
}

/* ---- the question ---- */

void license_fill(struct license_body *body, Provisiond__LicenseRequest *license,
                  Provisiond__LicenseContext *context)
{
    provisiond__license_request__init(license);
    provisiond__license_context__init(context);
    context->lot = body->context.lot;
    context->line = body->context.line;
    context->work_order = body->context.work_order;
    context->operator_name = body->context.operator_name;
    context->socket = body->context.socket;
    license->product = body->product;
    license->image.data = body->digest.bytes;
    license->image.len = body->is_latest ? 0 : SHA256_SIZE;
    license->certificate_chain.data = (uint8_t *)body->certificate_chain;
    license->certificate_chain.len = strlen(body->certificate_chain);
    license->st_certificate.data = body->st_certificate;
    license->st_certificate.len = body->st_certificate_length;
    license->public_key.data = (uint8_t *)body->public_key;
    license->public_key.len = strlen(body->public_key);
    license->context = context;
}

enum error license_ask(struct request *request, Provisiond__LicenseRequest *license)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_LICENSE;
    message.license = license;
    crash_point("api.before-vault");
    return request_ask(request, &message);
}

static enum error ask(struct request *request, struct license_body *body)
{
    Provisiond__LicenseRequest license;
    Provisiond__LicenseContext context;
    license_fill(body, &license, &context);
    license.device_image = request->result.license.form == LICENSE_IMAGE;
    return license_ask(request, &license);
}

static const char *device_path(const struct license_body *body)
{
    if (body->st_certificate_length > 0)
        return "$.device.st_certificate";
    return body->public_key[0] != '\0' ? "$.device.public_key" : "$.device.certificate_chain";
}

static enum error start(struct request *request)
{
    struct license_body body;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    enum license_form form = choose_form(request_header(request, MHD_HTTP_HEADER_ACCEPT));
    if (form == LICENSE_NO_FORM)
        return fault_set(&request->fault, ERR_NOT_ACCEPTABLE, "accept",
                         "A license comes as application/json, application/octet-stream "
                         "or " DEVICE_IMAGE_MEDIA_TYPE ".",
                         0);
    request->result.license.form = form;
    e = license_body_read(bytes_of(request->body, request->body_length), &body, &request->path,
                          &request->fault);
    if (e != ERR_OK)
        return e;
    request->result.license.device_path = device_path(&body);
    return ask(request, &body);
}

/* ---- the reply ---- */

static bool is_sound(const Provisiond__LicenseReply *reply)
{
    return reply->install_id.len == UUID_SIZE && reply->image.len == SHA256_SIZE &&
           reply->license.len > 0 && reply->license.len <= API_LICENSE_MAX_BYTES &&
           name_is_valid(reply->profile, API_NAME_MAX_BYTES) && reply->attempt > 0 &&
           reply->remaining >= 0 && reply->journal_index >= 0;
}

bool license_read(const Provisiond__LicenseReply *reply, struct license_result *result)
{
    if (!is_sound(reply))
        return false;
    memcpy(result->install.bytes, reply->install_id.data, UUID_SIZE);
    memcpy(result->image.bytes, reply->image.data, SHA256_SIZE);
    memcpy(result->license, reply->license.data, reply->license.len);
    result->license_length = reply->license.len;
    strcpy(result->profile, reply->profile);
    result->is_charged = reply->charged;
    result->is_repeat = reply->repeat;
    result->attempt = reply->attempt;
    result->remaining = reply->remaining;
    result->journal_index = reply->journal_index;
    return true;
}

/* The device's own image, in its two parts. */
static enum error take_image(struct request *request, const Provisiond__LicenseReply *reply,
                             int *file)
{
    struct stat info;
    if (*file < 0 || fstat(*file, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < 0 ||
        (uint64_t)info.st_size < reply->image_tail_at || reply->image_tail.len == 0 ||
        reply->image_tail.len > DEVICE_IMAGE_TAIL_MAX)
        return request_refuse_reply(request);
    enum error e =
        request_keep_reply(request, bytes_of(reply->image_tail.data, reply->image_tail.len));
    if (e != ERR_OK)
        return e;
    request->result.license.image_tail_at = reply->image_tail_at;
    request->file = *file;
    *file = -1;
    return ERR_OK;
}

enum error license_take(struct request *request, const Provisiond__StationReply *reply, int *file)
{
    enum error e = ERR_OK;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_LICENSE ||
        !license_read(reply->license, &request->result.license))
        return request_refuse_reply(request);
    if (request->result.license.form == LICENSE_IMAGE)
        e = take_image(request, reply->license, file);
    crash_point("api.before-answer");
    return e;
}

/* The device's certificate is the one field that provisiond passes on unread. */
void license_locate(struct request *request)
{
    if (request->fault.code == ERR_BAD_REQUEST || request->fault.code == ERR_TOO_LARGE)
        (void)snprintf(request->path.text, sizeof request->path.text, "%s",
                       request->result.license.device_path);
}

/* ---- the answer ---- */

struct license_texts {
    char license_id[ID_SIZE];
    char install_id[ID_SIZE];
    char image[IMAGE_REFERENCE_SIZE];
};

static void format_texts(const struct license_result *result, struct license_texts *texts)
{
    uuid_format(&result->install, "lic-", texts->license_id, sizeof texts->license_id);
    uuid_format(&result->install, "ins-", texts->install_id, sizeof texts->install_id);
    image_reference_format(&result->image, texts->image);
}

json_t *license_json(const struct license_result *result)
{
    struct license_texts texts;
    char *license = NULL;
    format_texts(result, &texts);
    if (base64_encode(bytes_of(result->license, result->license_length), &license) != ERR_OK)
        return NULL;
    json_t *json =
        json_pack("{ss ss ss ss sb ss sI sI sI}", "license_id", texts.license_id, "install_id",
                  texts.install_id, "license", license, "profile", result->profile, "charged",
                  result->is_charged, "image", texts.image, "attempt", (json_int_t)result->attempt,
                  "remaining", (json_int_t)result->remaining, "journal_index",
                  (json_int_t)result->journal_index);
    free(license);
    return json;
}

static void add_number(struct MHD_Response *response, const char *name, int64_t number)
{
    char text[NUMBER_SIZE];
    (void)snprintf(text, sizeof text, "%lld", (long long)number);
    (void)MHD_add_response_header(response, name, text);
}

/* What the other form has as members. */
static void add_headers(const struct license_result *result, struct MHD_Response *response)
{
    struct license_texts texts;
    format_texts(result, &texts);
    (void)MHD_add_response_header(response, "Provision-License-Id", texts.license_id);
    (void)MHD_add_response_header(response, "Provision-Install-Id", texts.install_id);
    (void)MHD_add_response_header(response, "Provision-Image", texts.image);
    (void)MHD_add_response_header(response, "Provision-Profile", result->profile);
    (void)MHD_add_response_header(response, "Provision-Charged",
                                  result->is_charged ? "true" : "false");
    add_number(response, "Provision-Attempt", result->attempt);
    add_number(response, "Provision-Remaining", result->remaining);
    add_number(response, "Provision-Journal-Index", result->journal_index);
}

static struct MHD_Response *license_octets(struct license_result *result)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        result->license_length, result->license, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return NULL;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                  "application/octet-stream");
    add_headers(result, response);
    return response;
}

static struct MHD_Response *license_image(struct request *request)
{
    struct MHD_Response *response = device_image_response(request);
    if (response != NULL)
        add_headers(&request->result.license, response);
    return response;
}

unsigned license_status(const struct license_result *result)
{
    return result->is_repeat ? MHD_HTTP_OK : MHD_HTTP_CREATED;
}

enum MHD_Result license_answer(struct request *request)
{
    struct license_result *result = &request->result.license;
    unsigned status = license_status(result);
    if (result->form == LICENSE_OCTETS)
        return answer_response(request, status, license_octets(result));
    if (result->form == LICENSE_IMAGE)
        return answer_response(request, status, license_image(request));
    return answer_json(request, status, license_json(result));
}

const struct handler LICENSE_HANDLER = {
    .start = start, .take = license_take, .locate = license_locate, .answer = license_answer};
