/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The tables of the two bodies, and what a table cannot say. Owns no state. */
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

static enum error refuse_at(const char *path, const char *reason, const char *detail,
                            struct json_path *ret_path, struct fault *fault)
{
    strcpy(ret_path->text, path);
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* A device shows its certificate in one form. */
static enum error check_device(const struct license_body *body, struct json_path *ret_path,
                               struct fault *fault)
{
    bool has_chain = body->certificate_chain[0] != '\0';
    bool has_st = body->st_certificate_length > 0;
    if (has_chain && has_st)
        return refuse_at(
            "$.device", "two-certificates",
            "A device shows either a certificate_chain or an st_certificate, not both.", ret_path,
            fault);
    if (!has_chain && !has_st)
        return refuse_at(
            "$.device", "no-certificate",
            "A device shows a certificate_chain or an st_certificate; neither is here.", ret_path,
            fault);
    return ERR_OK;
}

enum error license_body_read(struct bytes text, struct license_body *ret_body,
                             struct json_path *ret_path, struct fault *fault)
{
    memset(ret_body, 0, sizeof *ret_body);
    enum error e = json_read(text, LICENSE_FIELDS, ret_body, ret_path, fault);
    if (e != ERR_OK)
        return e;
    ret_body->is_latest = ret_body->image[0] == '\0' || strcmp(ret_body->image, "latest") == 0;
    if (!ret_body->is_latest && !image_reference_parse(ret_body->image, &ret_body->digest))
        return refuse_at("$.image", "not-an-image",
                         "An image is \"latest\" or \"sha256:\" and 64 lower-case hex digits.",
                         ret_path, fault);
    return check_device(ret_body, ret_path, fault);
}

enum error outcome_body_read(struct bytes text, struct outcome_body *ret_body,
                             struct json_path *ret_path, struct fault *fault)
{
    static const char *const names[] = {[OUTCOME_OF_SUCCESS] = "succeeded",
                                        [OUTCOME_OF_FAILURE] = "failed",
                                        [OUTCOME_OF_SCRAP] = "scrapped"};
    memset(ret_body, 0, sizeof *ret_body);
    enum error e = json_read(text, OUTCOME_FIELDS, ret_body, ret_path, fault);
    if (e != ERR_OK)
        return e;
    for (int i = OUTCOME_OF_SUCCESS; i <= OUTCOME_OF_SCRAP; i++) {
        if (strcmp(ret_body->result, names[i]) == 0)
            ret_body->outcome = (enum outcome)i;
    }
    if (ret_body->outcome == 0)
        return refuse_at("$.result", "not-a-result",
                         "A result is \"succeeded\", \"failed\" or \"scrapped\".", ret_path, fault);
    if (ret_body->device_receipt_length > 0 && ret_body->outcome != OUTCOME_OF_SUCCESS)
        return refuse_at("$.device_receipt", "receipt-without-success",
                         "A device's receipt comes with the result \"succeeded\" only.", ret_path,
                         fault);
    return ERR_OK;
}
