/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Dispatch of the station socket. Owns no state. */
#include "vault/station.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/crash_point.h"
#include "core/fault_message.h"
#include "device/device.h"
#include "vault/hsm_watch.h"
#include "vault/station_task.h"
#include "vault/vault_client.h"

enum error station_refuse_field(struct fault *fault, const char *reason)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason,
                     "A field of the request is missing, too long or malformed.", 0);
}

bool station_copy_text(const char *text, char *out, size_t max)
{
    size_t length = strnlen(text, max + 1);
    if (length > max)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

static bool read_digest(const ProtobufCBinaryData *field, struct sha256 *ret_digest)
{
    if (field->len != SHA256_SIZE)
        return false;
    memcpy(ret_digest->bytes, field->data, SHA256_SIZE);
    return true;
}

bool station_read_uuid(const ProtobufCBinaryData *field, struct uuid *ret_id)
{
    if (field->len != UUID_SIZE)
        return false;
    memcpy(ret_id->bytes, field->data, UUID_SIZE);
    return true;
}

/* ---- POST /v1/licenses ---- */

static bool read_context(const Provisiond__LicenseContext *message, struct ledger_context *ret)
{
    if (message == NULL)
        return true;
    return station_copy_text(message->lot, ret->lot, LEDGER_CONTEXT_MAX) &&
           station_copy_text(message->line, ret->line, LEDGER_CONTEXT_MAX) &&
           station_copy_text(message->work_order, ret->work_order, LEDGER_CONTEXT_MAX) &&
           station_copy_text(message->operator_name, ret->operator_name, LEDGER_CONTEXT_MAX) &&
           station_copy_text(message->socket, ret->socket, LEDGER_CONTEXT_MAX);
}

static void put_license(struct answer *answer)
{
    struct recipe_answer *made = &answer->values.license;
    struct ledger_issued *issued = &made->issued;
    Provisiond__LicenseReply *reply = &answer->result.license;
    provisiond__license_reply__init(reply);
    reply->install_id = (ProtobufCBinaryData){.len = UUID_SIZE, .data = issued->install.bytes};
    reply->license = (ProtobufCBinaryData){.len = issued->license_length, .data = issued->license};
    reply->profile = made->profile;
    reply->charged = issued->is_charged;
    reply->repeat = issued->is_repeat;
    reply->image = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = made->image.bytes};
    reply->attempt = issued->attempt;
    reply->remaining = issued->remaining;
    reply->journal_index = issued->journal_index;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_LICENSE;
    answer->message.license = reply;
}

/* Product and perhaps image, or an alias alone. */
static enum error read_names(const Provisiond__LicenseRequest *asked, struct sha256 *image,
                             struct recipe_request *request, struct fault *fault)
{
    bool has_alias = asked->alias[0] != '\0';
    if (has_alias && (asked->product[0] != '\0' || asked->image.len > 0))
        return station_refuse_field(fault, "alias");
    if (has_alias && !name_is_valid(asked->alias, LEDGER_NAME_MAX))
        return station_refuse_field(fault, "alias");
    if (!has_alias && !name_is_valid(asked->product, LEDGER_NAME_MAX))
        return station_refuse_field(fault, "product");
    if (asked->image.len > 0 && !read_digest(&asked->image, image))
        return station_refuse_field(fault, "image");
    request->alias = has_alias ? asked->alias : NULL;
    request->product = asked->product;
    request->image = asked->image.len > 0 ? image : NULL;
    return ERR_OK;
}

/* An empty chain goes on: the check of the device says what is wrong with it. */
static enum error read_proof(const Provisiond__LicenseRequest *asked, struct product_proof *proof,
                             struct fault *fault)
{
    proof->certificate_chain =
        bytes_of(asked->certificate_chain.data, asked->certificate_chain.len);
    proof->st_certificate = bytes_of(asked->st_certificate.data, asked->st_certificate.len);
    if (proof->st_certificate.length > ST_CERTIFICATE_MAX_BYTES ||
        (proof->st_certificate.length > 0 && proof->certificate_chain.length > 0))
        return station_refuse_field(fault, "device");
    return ERR_OK;
}

static enum error serve_license(struct vault *vault, const request_message *message,
                                const struct sha256 *station, struct answer *answer)
{
    const Provisiond__LicenseRequest *asked = message->license;
    struct sha256 image;
    struct recipe_request request = {.station = *station};
    enum error e = read_names(asked, &image, &request, &answer->fault);
    if (e == ERR_OK)
        e = read_proof(asked, &request.proof, &answer->fault);
    if (e != ERR_OK)
        return e;
    if (!read_context(asked->context, &request.context))
        return station_refuse_field(&answer->fault, "context");
    e = recipe_license(vault, &request, &answer->values.license, &answer->fault);
    if (e == ERR_OK) {
        put_license(answer);
        crash_point("vault.before-reply");
    }
    return e;
}

/* ---- GET /v1/products/{product}/usage ---- */

static enum error serve_usage(struct vault *vault, const request_message *message,
                              const struct sha256 *station, struct answer *answer)
{
    struct ledger_principal principal;
    enum error e = ledger_principal_get(vault->ledger, station, &principal, &answer->fault);
    if (e == ERR_OK)
        e = usage_answer(vault, message->usage, &answer->values.usage, &answer->result.usage,
                         &answer->fault);
    if (e != ERR_OK)
        return e;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_USAGE;
    answer->message.usage = &answer->result.usage;
    return ERR_OK;
}

/* ---- GET /v1/images/{digest}/content ---- */

/* An alias names an image of one product, which decides; a digest may be that of several. */
static enum error find_named(struct vault *vault, const char *alias, struct answer *answer)
{
    struct ledger_alias names;
    struct ledger_product product;
    struct ledger_image image;
    enum error e = ledger_alias_get(vault->ledger, alias, &names, &answer->fault);
    if (e == ERR_OK)
        e = recipe_find_image(vault->ledger, names.product, &names.digest, &product, &image,
                              &answer->fault);
    if (e == ERR_OK)
        answer->values.content = names.digest;
    return e;
}

static enum error find_content(struct vault *vault, const Provisiond__ImageContentRequest *asked,
                               struct answer *answer)
{
    bool has_alias = asked->alias[0] != '\0';
    if (has_alias && (asked->image.len > 0 || !name_is_valid(asked->alias, LEDGER_NAME_MAX)))
        return station_refuse_field(&answer->fault, "alias");
    if (!has_alias && !read_digest(&asked->image, &answer->values.content))
        return station_refuse_field(&answer->fault, "image");
    if (has_alias)
        return find_named(vault, asked->alias, answer);
    return ledger_image_exists(vault->ledger, &answer->values.content, &answer->fault);
}

static enum error serve_image_content(struct vault *vault, const request_message *message,
                                      const struct sha256 *station, struct answer *answer)
{
    struct sha256 *digest = &answer->values.content;
    struct ledger_principal principal;
    uint64_t size = 0;
    enum error e = ledger_principal_get(vault->ledger, station, &principal, &answer->fault);
    if (e == ERR_OK)
        e = find_content(vault, message->image_content, answer);
    if (e == ERR_OK)
        e = image_store_open_image(vault->images, digest, &answer->file, &size, &answer->fault);
    if (e != ERR_OK)
        return e;
    provisiond__image_content_reply__init(&answer->result.content);
    answer->result.content.size = size;
    answer->result.content.image = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = digest->bytes};
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_IMAGE_CONTENT;
    answer->message.image_content = &answer->result.content;
    return ERR_OK;
}

/* ---- GET /readyz ---- */

static char *reason_of(struct fault *fault, enum error code)
{
    return code == ERR_OK ? (char *)(uintptr_t) "ok" : fault->reason;
}

static enum error serve_ready(struct vault *vault, const request_message *message,
                              const struct sha256 *station, struct answer *answer)
{
    (void)message;
    (void)station;
    struct hsm_status status;
    struct ledger_info info;
    struct fault *hsm_fault = &answer->values.ready.hsm;
    struct fault *ledger_fault = &answer->values.ready.ledger;
    struct notary_view *view = &answer->values.ready.notary;
    Provisiond__ReadyReply *reply = &answer->result.ready;
    provisiond__ready_reply__init(reply);
    *hsm_fault = *ledger_fault = (struct fault){0};
    hsm_watch_refresh(vault->watch); /* what is true now, not half a second ago */
    enum error hsm = hsm_watch_get(vault->watch, &status, hsm_fault);
    enum error ledger = ledger_info(vault->ledger, &info, ledger_fault);
    notary_show(vault->notary, view);
    reply->hsm = reason_of(hsm_fault, hsm);
    reply->ledger = reason_of(ledger_fault, ledger);
    reply->hsm_detail = hsm_fault->detail;
    reply->anchor = (char *)(uintptr_t)notary_word(view);
    reply->anchor_detail = view->fault.detail;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_READY;
    answer->message.ready = reply;
    return ERR_OK;
}

/* ---- dispatch ---- */

/* What the station socket can do: this table is the whole of it. */
static const struct operation {
    Provisiond__StationRequest__OpCase op;
    bool needs_station;
    station_operation serve;
} OPERATIONS[] = {
    {PROVISIOND__STATION_REQUEST__OP_LICENSE, true, serve_license},
    {PROVISIOND__STATION_REQUEST__OP_OUTCOME, true, station_outcome},
    {PROVISIOND__STATION_REQUEST__OP_USAGE, true, serve_usage},
    {PROVISIOND__STATION_REQUEST__OP_IMAGE_CONTENT, true, serve_image_content},
    {PROVISIOND__STATION_REQUEST__OP_READY, false, serve_ready},
    {PROVISIOND__STATION_REQUEST__OP_CHECKPOINT, true, station_checkpoint},
    {PROVISIOND__STATION_REQUEST__OP_TILE, true, station_tile},
    {PROVISIOND__STATION_REQUEST__OP_JOURNAL_KEY, true, station_journal_key},
    {PROVISIOND__STATION_REQUEST__OP_RECEIPT, true, station_receipt},
    {PROVISIOND__STATION_REQUEST__OP_GRANT_APPLY, true, station_grant_apply},
};

static enum error serve(struct vault *vault, const request_message *message, struct answer *answer)
{
    struct sha256 station = {0};
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof OPERATIONS[0]; i++) {
        if (OPERATIONS[i].op != message->op_case)
            continue;
        if (OPERATIONS[i].needs_station && !read_digest(&message->station_spki, &station))
            return station_refuse_field(&answer->fault, "station_spki");
        return OPERATIONS[i].serve(vault, message, &station, answer);
    }
    return station_refuse_field(&answer->fault, "op");
}

static void send_reply(struct rpc_call *call, const reply_message *message, int file)
{
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

void station_serve(void *context, struct rpc_call *call)
{
    struct vault *vault = context;
    struct bytes request = rpc_call_request(call);
    Provisiond__FaultMessage fault;
    struct answer answer = {.file = -1};
    request_message *message =
        provisiond__station_request__unpack(NULL, request.length, request.data);
    if (message == NULL) {
        rpc_hang_up(call);
        return;
    }
    provisiond__station_reply__init(&answer.message);
    if (serve(vault, message, &answer) == ERR_OK)
        answer.fault = (struct fault){0};
    fault_to_message(&answer.fault, &fault);
    answer.message.fault = &fault;
    send_reply(call, &answer.message, answer.file);
    if (answer.file >= 0)
        (void)close(answer.file);
    free(answer.memory);
    provisiond__station_request__free_unpacked(message, NULL);
}

void station_refuse_busy(struct rpc_call *call)
{
    struct fault fault;
    Provisiond__FaultMessage fault_message;
    reply_message message;
    (void)fault_set(&fault, ERR_BUSY, "queue-full", "The vault has more requests than it can take.",
                    0);
    fault_to_message(&fault, &fault_message);
    provisiond__station_reply__init(&message);
    message.fault = &fault_message;
    send_reply(call, &message, -1);
}
