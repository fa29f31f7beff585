/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The tables of the bodies, and what a table cannot say. Owns no state. */
#include "api/body.h"

#include <string.h>

#define REQUIRED true
#define OPTIONAL false

static const struct json_field DEVICE_FIELDS[] = {
    JSON_LINES(
        "certificate_chain", OPTIONAL, struct license_body, certificate_chain,
        "The certificate chain is larger than " API_NUMBER_OF(API_CHAIN_MAX_BYTES) " bytes."),
    JSON_BYTES("st_certificate", OPTIONAL, struct license_body, st_certificate,
               st_certificate_length,
               "The st_certificate is larger than " API_NUMBER_OF(API_ST_CERT_MAX_BYTES) " bytes."),
    JSON_LINES("public_key", OPTIONAL, struct license_body, public_key,
               "The public_key is larger than " API_NUMBER_OF(API_DEVICE_KEY_MAX_BYTES) " bytes."),
    {0},
};

static const struct json_field CONTEXT_FIELDS[] = {
    JSON_TEXT("lot", JSON_FIELD_LINE, OPTIONAL, struct license_body, context.lot),
    JSON_TEXT("line", JSON_FIELD_LINE, OPTIONAL, struct license_body, context.line),
    JSON_TEXT("work_order", JSON_FIELD_LINE, OPTIONAL, struct license_body, context.work_order),
    JSON_TEXT("operator", JSON_FIELD_LINE, OPTIONAL, struct license_body, context.operator_name),
    JSON_TEXT("socket", JSON_FIELD_LINE, OPTIONAL, struct license_body, context.socket),
    {0},
};

static const struct json_field LICENSE_FIELDS[] = {
    JSON_TEXT("product", JSON_FIELD_NAME, REQUIRED, struct license_body, product),
    JSON_TEXT("image", JSON_FIELD_LINE, OPTIONAL, struct license_body, image),
    JSON_OBJECT_OF("device", REQUIRED, DEVICE_FIELDS),
    JSON_OBJECT_OF("context", OPTIONAL, CONTEXT_FIELDS),
    {0},
};

static const struct json_field OUTCOME_FIELDS[] = {
    JSON_TEXT("result", JSON_FIELD_LINE, REQUIRED, struct outcome_body, result),
    JSON_TEXT("code", JSON_FIELD_LINE, OPTIONAL, struct outcome_body, code),
    JSON_TEXT("detail", JSON_FIELD_LINE, OPTIONAL, struct outcome_body, detail),
    JSON_BYTES(
        "device_receipt", OPTIONAL, struct outcome_body, device_receipt, device_receipt_length,
        "The device_receipt is larger than " API_NUMBER_OF(API_SIGNATURE_MAX_BYTES) " bytes."),
    {0},
};

static enum error refuse_at(struct json_path *path, const char *part, const char *reason,
                            const char *detail, struct fault *fault)
{
    json_path_add(path, part);
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* ---- licenses ---- */

/* A device shows one thing. */
static enum error check_device(const struct license_body *body, struct json_path *path,
                               struct fault *fault)
{
    bool has_chain = body->certificate_chain[0] != '\0';
    bool has_st = body->st_certificate_length > 0;
    int shown = has_chain + has_st + (body->public_key[0] != '\0');
    if (shown > 1)
        return refuse_at(path, ".device", "two-certificates",
                         "A device shows one of certificate_chain, st_certificate and public_key, "
                         "not several.",
                         fault);
    if (shown == 0)
        return refuse_at(path, ".device", "no-certificate",
                         "A device shows a certificate_chain, an st_certificate or a public_key; "
                         "none of them is here.",
                         fault);
    return ERR_OK;
}

static enum error check_license(void *target, struct json_path *path, struct fault *fault)
{
    struct license_body *body = target;
    body->is_latest = body->image[0] == '\0' || strcmp(body->image, "latest") == 0;
    if (!body->is_latest && !image_reference_parse(body->image, &body->digest))
        return refuse_at(path, ".image", "not-an-image",
                         "An image is \"latest\" or \"sha256:\" and 64 lower-case hex digits.",
                         fault);
    return check_device(body, path, fault);
}

static const struct json_form LICENSE_FORM = {
    .fields = LICENSE_FIELDS, .size = sizeof(struct license_body), .check = check_license};

enum error license_body_read(struct bytes text, struct license_body *ret_body,
                             struct json_path *ret_path, struct fault *fault)
{
    return json_read(text, &LICENSE_FORM, ret_body, ret_path, fault);
}

enum error license_batch_read(struct bytes text, const struct license_batch *batch,
                              struct json_path *ret_path, struct fault *fault)
{
    struct license_body body;
    const struct json_list list = {.name = "licenses",
                                   .max = API_BATCH_MAX,
                                   .form = &LICENSE_FORM,
                                   .target = &body,
                                   .take = batch->take,
                                   .context = batch->context};
    return json_read_list(text, &list, ret_path, fault);
}

/* ---- outcomes ---- */

static enum error check_outcome(void *target, struct json_path *path, struct fault *fault)
{
    static const char *const names[] = {[OUTCOME_OF_SUCCESS] = "succeeded",
                                        [OUTCOME_OF_FAILURE] = "failed",
                                        [OUTCOME_OF_SCRAP] = "scrapped"};
    struct outcome_body *body = target;
    for (int i = OUTCOME_OF_SUCCESS; i <= OUTCOME_OF_SCRAP; i++) {
        if (strcmp(body->result, names[i]) == 0)
            body->outcome = (enum outcome)i;
    }
    if (body->outcome == 0)
        return refuse_at(path, ".result", "not-a-result",
                         "A result is \"succeeded\", \"failed\" or \"scrapped\".", fault);
    if (body->device_receipt_length > 0 && body->outcome != OUTCOME_OF_SUCCESS)
        return refuse_at(path, ".device_receipt", "receipt-without-success",
                         "A device's receipt comes with the result \"succeeded\" only.", fault);
    return ERR_OK;
}

static const struct json_form OUTCOME_FORM = {
    .fields = OUTCOME_FIELDS, .size = sizeof(struct outcome_body), .check = check_outcome};

enum error outcome_body_read(struct bytes text, struct outcome_body *ret_body,
                             struct json_path *ret_path, struct fault *fault)
{
    return json_read(text, &OUTCOME_FORM, ret_body, ret_path, fault);
}
