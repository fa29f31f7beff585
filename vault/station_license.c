/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* POST /v1/licenses and POST /v1/licenses/batch. Owns no state. */
#include <stdlib.h>
#include <string.h>

#include "core/crash_point.h"
#include "core/fault_message.h"
#include "device/device.h"
#include "vault/device_image.h"
#include "device/raw_key.h"
#include "vault/station_task.h"

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

static void fill_license(struct recipe_answer *made, Provisiond__LicenseReply *reply)
{
    struct ledger_issued *issued = &made->issued;
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
    if (asked->image.len > 0 && !station_read_digest(&asked->image, image))
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
    proof->public_key = bytes_of(asked->public_key.data, asked->public_key.len);
    const int shown = (proof->certificate_chain.length > 0) + (proof->st_certificate.length > 0) +
                      (proof->public_key.length > 0);
    if (proof->st_certificate.length > ST_CERTIFICATE_MAX_BYTES ||
        proof->public_key.length > RAW_KEY_PEM_MAX_BYTES || shown > 1)
        return station_refuse_field(fault, "device");
    return ERR_OK;
}

static enum error read_license(const Provisiond__LicenseRequest *asked,
                               const struct ledger_principal *caller, struct sha256 *image,
                               struct recipe_request *request, struct fault *fault)
{
    *request = (struct recipe_request){.caller = caller, .wants_image = asked->device_image};
    enum error e = read_names(asked, image, request, fault);
    if (e == ERR_OK)
        e = read_proof(asked, &request->proof, fault);
    if (e == ERR_OK && !read_context(asked->context, &request->context))
        e = station_refuse_field(fault, "context");
    return e;
}

/* The image of the device that was licensed just now; who asks again gets it again. */
static enum error add_image(struct vault *vault, struct answer *answer)
{
    const struct recipe_answer *made = &answer->values.license;
    struct device_image image;
    enum error e = device_image_make(vault->images, &made->image,
                                     bytes_of(made->issued.license, made->issued.license_length),
                                     &image, &answer->fault);
    if (e != ERR_OK)
        return e;
    answer->file = image.file;
    answer->memory = image.tail;
    answer->free_memory = free;
    answer->result.license.image_tail =
        (ProtobufCBinaryData){.len = image.tail_length, .data = image.tail};
    answer->result.license.image_tail_at = image.tail_at;
    return ERR_OK;
}

enum error station_license(struct vault *vault, const request_message *message,
                           const struct ledger_principal *caller, struct answer *answer)
{
    struct sha256 image;
    struct recipe_request request;
    enum error e = read_license(message->license, caller, &image, &request, &answer->fault);
    request.deadline = answer->deadline;
    if (e == ERR_OK)
        e = recipe_license(vault, &request, &answer->values.license, &answer->fault);
    if (e != ERR_OK)
        return e;
    fill_license(&answer->values.license, &answer->result.license);
    if (request.wants_image)
        e = add_image(vault, answer);
    if (e != ERR_OK)
        return e;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_LICENSE;
    answer->message.license = &answer->result.license;
    crash_point("vault.before-reply");
    return ERR_OK;
}

/* ---- POST /v1/licenses/batch ---- */

/* One license of a batch, from its question to its answer. */
struct batch_row {
    Provisiond__LicenseResult entry;
    Provisiond__FaultMessage fault;
    Provisiond__LicenseReply reply;
    struct sha256 image;
};

/* All of them, each in arrays as the recipe and the message want them. */
struct license_batch {
    size_t count;
    struct batch_row rows[LEDGER_BATCH_MAX];
    Provisiond__LicenseResult *links[LEDGER_BATCH_MAX];
    struct recipe_request requests[LEDGER_BATCH_MAX];
    struct recipe_result results[LEDGER_BATCH_MAX];
};

/* One that is malformed refuses all: nobody sends such a batch but by mistake. */
static enum error read_batch(const Provisiond__LicenseBatchRequest *asked,
                             const struct ledger_principal *caller, deadline_ms deadline,
                             struct license_batch *batch, struct fault *fault)
{
    enum error e = ERR_OK;
    if (asked->n_licenses < 1 || asked->n_licenses > LEDGER_BATCH_MAX)
        return station_refuse_field(fault, "licenses");
    batch->count = asked->n_licenses;
    for (size_t i = 0; i < batch->count && e == ERR_OK; i++) {
        e = read_license(asked->licenses[i], caller, &batch->rows[i].image, &batch->requests[i],
                         fault);
        batch->requests[i].deadline = deadline;
        if (e == ERR_OK && batch->requests[i].wants_image)
            e = station_refuse_field(fault, "device_image");
    }
    return e;
}

static void fill_result(struct license_batch *batch, size_t index)
{
    struct batch_row *row = &batch->rows[index];
    struct recipe_result *result = &batch->results[index];
    provisiond__license_result__init(&row->entry);
    fault_to_message(&result->fault, &row->fault);
    row->entry.fault = &row->fault;
    if (result->fault.code == ERR_OK) {
        fill_license(&result->answer, &row->reply);
        row->entry.license = &row->reply;
    }
    batch->links[index] = &row->entry;
}

enum error station_license_batch(struct vault *vault, const request_message *message,
                                 const struct ledger_principal *caller, struct answer *answer)
{
    struct license_batch *batch = calloc(1, sizeof *batch);
    Provisiond__LicenseBatchReply *reply = &answer->result.license_batch;
    answer->memory = batch;
    answer->free_memory = free;
    if (batch == NULL)
        return fault_set(&answer->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e =
        read_batch(message->license_batch, caller, answer->deadline, batch, &answer->fault);
    if (e == ERR_OK)
        e = recipe_license_batch(vault, batch->requests, batch->count, batch->results,
                                 &answer->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < batch->count; i++)
        fill_result(batch, i);
    provisiond__license_batch_reply__init(reply);
    reply->n_results = batch->count;
    reply->results = batch->links;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_LICENSE_BATCH;
    answer->message.license_batch = reply;
    crash_point("vault.before-reply");
    return ERR_OK;
}
