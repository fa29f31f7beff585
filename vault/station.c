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
#include "vault.pb-c.h"
#include "vault/hsm_watch.h"
#include "vault/recipe.h"
#include "vault/state.h"
#include "vault/usage.h"
#include "vault/vault_client.h"

typedef Provisiond__StationRequest request_message;
typedef Provisiond__StationReply reply_message;

/*
 * An answer under construction: the message, and the memory its result points into. Large because
 * a license lives in it; one per serving thread's stack.
 */
struct answer {
    reply_message message;
    struct fault fault;
    int file; /* -1: none; else owned */
    struct recipe_answer license;
    Provisiond__LicenseReply license_reply;
    Provisiond__OutcomeReply outcome_reply;
    Provisiond__UsageReply usage_reply;
    Provisiond__ImageContentReply content_reply;
    struct sha256 content_digest;
    Provisiond__ReadyReply ready_reply;
    struct fault hsm_fault;
    struct fault ledger_fault;
};

static enum error refuse_field(struct fault *fault, const char *reason)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason,
                     "A field of the request is missing, too long or malformed.", 0);
}

static bool copy_text(const char *text, char *out, size_t max)
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

static bool read_uuid(const ProtobufCBinaryData *field, struct uuid *ret_id)
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
    return copy_text(message->lot, ret->lot, LEDGER_CONTEXT_MAX) &&
           copy_text(message->line, ret->line, LEDGER_CONTEXT_MAX) &&
           copy_text(message->work_order, ret->work_order, LEDGER_CONTEXT_MAX) &&
           copy_text(message->operator_name, ret->operator_name, LEDGER_CONTEXT_MAX) &&
           copy_text(message->socket, ret->socket, LEDGER_CONTEXT_MAX);
}

static void put_license(struct answer *answer)
{
    struct recipe_answer *made = &answer->license;
    struct ledger_issued *issued = &made->issued;
    Provisiond__LicenseReply *reply = &answer->license_reply;
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
        return refuse_field(fault, "alias");
    if (has_alias && !name_is_valid(asked->alias, LEDGER_NAME_MAX))
        return refuse_field(fault, "alias");
    if (!has_alias && !name_is_valid(asked->product, LEDGER_NAME_MAX))
        return refuse_field(fault, "product");
    if (asked->image.len > 0 && !read_digest(&asked->image, image))
        return refuse_field(fault, "image");
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
        return refuse_field(fault, "device");
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
        return refuse_field(&answer->fault, "context");
    e = recipe_license(vault, &request, &answer->license, &answer->fault);
    if (e == ERR_OK) {
        put_license(answer);
        crash_point("vault.before-reply");
    }
    return e;
}

/* ---- POST /v1/installs/{install_id}/outcome ---- */

static bool read_result(Provisiond__OutcomeResult message, enum ledger_result *ret_result)
{
    switch (message) {
    case PROVISIOND__OUTCOME_RESULT__OUTCOME_SUCCEEDED:
        *ret_result = LEDGER_SUCCEEDED;
        return true;
    case PROVISIOND__OUTCOME_RESULT__OUTCOME_FAILED:
        *ret_result = LEDGER_FAILED;
        return true;
    case PROVISIOND__OUTCOME_RESULT__OUTCOME_SCRAPPED:
        *ret_result = LEDGER_SCRAPPED;
        return true;
    default:
        return false;
    }
}

static enum error serve_outcome(struct vault *vault, const request_message *message,
                                const struct sha256 *station, struct answer *answer)
{
    const Provisiond__OutcomeRequest *asked = message->outcome;
    struct ledger_outcome outcome = {0};
    struct ledger_principal principal;
    if (!read_uuid(&asked->install_id, &outcome.install))
        return refuse_field(&answer->fault, "install_id");
    if (!read_result(asked->result, &outcome.result))
        return refuse_field(&answer->fault, "result");
    if (!copy_text(asked->code, outcome.code, LEDGER_OUTCOME_CODE_MAX) ||
        !copy_text(asked->detail, outcome.detail, LEDGER_OUTCOME_DETAIL_MAX))
        return refuse_field(&answer->fault, "code");
    enum error e = ledger_principal_get(vault->ledger, station, &principal, &answer->fault);
    if (e != ERR_OK)
        return e;
    outcome.principal_id = principal.id;
    e = ledger_outcome_record(vault->ledger, &outcome, &answer->fault);
    if (e != ERR_OK)
        return e;
    provisiond__outcome_reply__init(&answer->outcome_reply);
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_OUTCOME;
    answer->message.outcome = &answer->outcome_reply;
    return ERR_OK;
}

/* ---- GET /v1/products/{product}/usage ---- */

static enum error serve_usage(struct vault *vault, const request_message *message,
                              const struct sha256 *station, struct answer *answer)
{
    struct ledger_principal principal;
    enum error e = ledger_principal_get(vault->ledger, station, &principal, &answer->fault);
    if (e == ERR_OK)
        e = usage_answer(vault, message->usage, &answer->usage_reply, &answer->fault);
    if (e != ERR_OK)
        return e;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_USAGE;
    answer->message.usage = &answer->usage_reply;
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
        answer->content_digest = names.digest;
    return e;
}

static enum error find_content(struct vault *vault, const Provisiond__ImageContentRequest *asked,
                               struct answer *answer)
{
    bool has_alias = asked->alias[0] != '\0';
    if (has_alias && (asked->image.len > 0 || !name_is_valid(asked->alias, LEDGER_NAME_MAX)))
        return refuse_field(&answer->fault, "alias");
    if (!has_alias && !read_digest(&asked->image, &answer->content_digest))
        return refuse_field(&answer->fault, "image");
    if (has_alias)
        return find_named(vault, asked->alias, answer);
    return ledger_image_exists(vault->ledger, &answer->content_digest, &answer->fault);
}

static enum error serve_image_content(struct vault *vault, const request_message *message,
                                      const struct sha256 *station, struct answer *answer)
{
    struct sha256 *digest = &answer->content_digest;
    struct ledger_principal principal;
    uint64_t size = 0;
    enum error e = ledger_principal_get(vault->ledger, station, &principal, &answer->fault);
    if (e == ERR_OK)
        e = find_content(vault, message->image_content, answer);
    if (e == ERR_OK)
        e = image_store_open_image(vault->images, digest, &answer->file, &size, &answer->fault);
    if (e != ERR_OK)
        return e;
    provisiond__image_content_reply__init(&answer->content_reply);
    answer->content_reply.size = size;
    answer->content_reply.image = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = digest->bytes};
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_IMAGE_CONTENT;
    answer->message.image_content = &answer->content_reply;
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
    Provisiond__ReadyReply *reply = &answer->ready_reply;
    provisiond__ready_reply__init(reply);
    hsm_watch_refresh(vault->watch); /* what is true now, not half a second ago */
    enum error hsm = hsm_watch_get(vault->watch, &status, &answer->hsm_fault);
    enum error ledger = ledger_info(vault->ledger, &info, &answer->ledger_fault);
    reply->hsm = reason_of(&answer->hsm_fault, hsm);
    reply->ledger = reason_of(&answer->ledger_fault, ledger);
    reply->hsm_detail = answer->hsm_fault.detail;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_READY;
    answer->message.ready = reply;
    return ERR_OK;
}

/* ---- dispatch ---- */

/* What the station socket can do: this table is the whole of it. */
static const struct operation {
    Provisiond__StationRequest__OpCase op;
    bool needs_station;
    enum error (*serve)(struct vault *vault, const request_message *message,
                        const struct sha256 *station, struct answer *answer);
} OPERATIONS[] = {
    {PROVISIOND__STATION_REQUEST__OP_LICENSE, true, serve_license},
    {PROVISIOND__STATION_REQUEST__OP_OUTCOME, true, serve_outcome},
    {PROVISIOND__STATION_REQUEST__OP_USAGE, true, serve_usage},
    {PROVISIOND__STATION_REQUEST__OP_IMAGE_CONTENT, true, serve_image_content},
    {PROVISIOND__STATION_REQUEST__OP_READY, false, serve_ready},
};

static enum error serve(struct vault *vault, const request_message *message, struct answer *answer)
{
    struct sha256 station = {0};
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof OPERATIONS[0]; i++) {
        if (OPERATIONS[i].op != message->op_case)
            continue;
        if (OPERATIONS[i].needs_station && !read_digest(&message->station_spki, &station))
            return refuse_field(&answer->fault, "station_spki");
        return OPERATIONS[i].serve(vault, message, &station, answer);
    }
    return refuse_field(&answer->fault, "op");
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
