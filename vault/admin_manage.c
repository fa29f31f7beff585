/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Set-up, products, quotas, stations: the small operations of the admin socket. Owns no state. */
#include "vault/admin_task.h"

#include <stdio.h>
#include <string.h>

#include "core/bytes.h"
#include "device/device.h"
#include "license/license.h"
#include "vault/certificate.h"
#include "vault/hsm_watch.h"
#include "vault/product_options.h"
#include "vault/usage.h"

#define NAME_RULE                                                                                 \
    "A name is 1 to 64 letters, digits, dots, dashes or underscores and begins with a letter or " \
    "digit."

/* The prefix by which the HSM's audit knows a firmware key. */
static const char FIRMWARE_KEY_LABEL[] = "provisiond-fk:";

static ProtobufCBinaryData data_of(void *bytes, size_t length)
{
    return (ProtobufCBinaryData){.len = length, .data = bytes};
}

/* ---- status and set-up ---- */

static void put_hsm_status(Provisiond__AdminStatusReply *reply, struct hsm_status *hsm)
{
    reply->token_label = hsm->token_label;
    reply->token_serial = hsm->token_serial;
    reply->token_model = hsm->token_model;
    reply->mode = (char *)(uintptr_t)(hsm->mode == HSM_TOKEN_MODE ? "token" : "host");
    reply->workers_ready = hsm->workers_ready;
    reply->workers_total = hsm->workers_total;
}

enum error admin_status(struct admin_task *task)
{
    struct ledger_info *info = &task->values.status.info;
    struct fault *hsm_fault = &task->values.status.hsm_fault;
    Provisiond__AdminStatusReply *reply = &task->result.status;
    enum error e = ledger_info(task->vault->ledger, info, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__admin_status_reply__init(reply);
    *hsm_fault = (struct fault){0};
    hsm_watch_refresh(task->vault->watch);
    e = hsm_watch_get(task->vault->watch, &task->values.status.hsm, hsm_fault);
    reply->hsm = e == ERR_OK ? (char *)(uintptr_t) "ok" : hsm_fault->reason;
    reply->hsm_detail = hsm_fault->detail;
    if (e == ERR_OK)
        put_hsm_status(reply, &task->values.status.hsm);
    reply->initialised = info->is_initialised;
    reply->site = info->site;
    reply->hsm_identity = data_of(info->hsm_identity.bytes, SHA256_SIZE);
    reply->journal_size = info->journal_size;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STATUS;
    task->reply.status = reply;
    return ERR_OK;
}

/* Keys are made before the ledger is bound, so an init that was cut off can be repeated. */
enum error admin_init(struct admin_task *task)
{
    struct hsm_spki *checkpoint = &task->values.init.checkpoint;
    struct hsm_spki *transport = &task->values.init.transport;
    struct sha256 *identity = &task->values.init.identity;
    Provisiond__AdminInitReply *reply = &task->result.init;
    const char *site = task->request->init->site;
    if (!name_is_valid(site, LEDGER_NAME_MAX))
        return admin_refuse_field(task, "site", NAME_RULE);
    hsm_watch_refresh(task->vault->watch);
    enum error e = hsm_watch_permits(task->vault->watch, &task->fault);
    if (e != ERR_OK && e != ERR_NOT_INITIALISED)
        return e;
    e = hsm_init(task->vault->hsm, checkpoint, transport, &task->fault);
    if (e != ERR_OK)
        return e;
    *identity = sha256_of(bytes_of(checkpoint->der, checkpoint->length));
    e = ledger_initialise(task->vault->ledger, site, identity, &task->fault);
    if (e != ERR_OK)
        return e;
    hsm_watch_refresh(task->vault->watch);
    provisiond__admin_init_reply__init(reply);
    reply->hsm_identity = data_of(identity->bytes, SHA256_SIZE);
    reply->checkpoint_spki = data_of(checkpoint->der, checkpoint->length);
    reply->transport_spki = data_of(transport->der, transport->length);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_INIT;
    task->reply.init = reply;
    return ERR_OK;
}

/* ---- products ---- */

/* The anchors parse as what the profile's devices are signed by. */
static enum error check_anchors(struct admin_task *task, struct bytes pem,
                                const struct product_options *options)
{
    struct device_anchors *anchors = NULL;
    struct st_anchors *st_anchors = NULL;
    if (pem.length > LEDGER_ANCHORS_MAX)
        return admin_refuse_field(task, "anchors", "Trust anchors are at most 64 KiB of PEM.");
    enum error e = options == NULL
                       ? device_anchors_new(pem, &anchors, &task->fault)
                       : st_anchors_new(pem, &options->device, &st_anchors, &task->fault);
    if (e == ERR_OK) {
        device_anchors_free(anchors);
        st_anchors_free(st_anchors);
    }
    return e;
}

/* *ret_has_options: the profile has settings, and they are in *ret_options. */
static enum error check_options(struct admin_task *task,
                                const Provisiond__ProductCreateRequest *asked,
                                struct product_options *ret_options, bool *ret_has_options)
{
    const struct license_profile *profile = license_profile_find(asked->profile);
    if (profile == NULL)
        return admin_refuse_field(task, "profile",
                                  "There is no such license profile; try cms or st-sfi.");
    *ret_has_options = license_device_form(profile) == LICENSE_ST_DEVICE;
    if (*ret_has_options != (asked->st != NULL))
        return admin_refuse_field(task, "st",
                                  *ret_has_options ? "The profile st-sfi needs a product ID."
                                                   : "Only the profile st-sfi has ST settings.");
    if (license_exposes_session_key(profile) && !asked->allow_session_key_exposure)
        return admin_refuse_field(task, "exposure-not-allowed",
                                  "This profile brings the session key into the HSM worker's "
                                  "memory for each license; the product must allow it "
                                  "(--allow-session-key-exposure).");
    return *ret_has_options ? product_options_from_message(asked->st, ret_options, &task->fault)
                            : ERR_OK;
}

/* Fills the text of the product's settings, "" when it has none. */
static enum error check_product(struct admin_task *task,
                                const Provisiond__ProductCreateRequest *asked,
                                char options_text[LEDGER_OPTIONS_MAX + 1])
{
    struct product_options options;
    bool has_options = false;
    options_text[0] = '\0';
    if (!name_is_valid(asked->name, LEDGER_NAME_MAX))
        return admin_refuse_field(task, "name", NAME_RULE);
    if (asked->quota < 0 || asked->quota > LEDGER_QUOTA_MAX)
        return admin_refuse_field(task, "quota", "A quota is 0 to 1000000000000 units.");
    enum error e = check_options(task, asked, &options, &has_options);
    if (e == ERR_OK && has_options)
        e = product_options_encode(&options, options_text, &task->fault);
    if (e == ERR_OK)
        e = check_anchors(task, bytes_of(asked->anchors.data, asked->anchors.len),
                          has_options ? &options : NULL);
    return e;
}

/*
 * A firmware key's CKA_ID follows from the product's name, so that a creation that was cut off
 * between HSM and ledger finds its key again.
 */
static struct hsm_key_id firmware_key_id(const char *product)
{
    char text[sizeof FIRMWARE_KEY_LABEL + LEDGER_NAME_MAX];
    struct hsm_key_id id;
    int length = snprintf(text, sizeof text, "%s%s", FIRMWARE_KEY_LABEL, product);
    struct sha256 digest = sha256_of(bytes_of(text, (size_t)length));
    memcpy(id.bytes, digest.bytes, sizeof id.bytes);
    return id;
}

/* The label is for people; the key is found by its id. */
static enum error make_firmware_key(struct admin_task *task, const char *product,
                                    const struct hsm_key_id *id)
{
    char label[HSM_LABEL_MAX_BYTES + 1];
    (void)snprintf(label, sizeof label, "%s%.*s", FIRMWARE_KEY_LABEL,
                   (int)(sizeof label - sizeof FIRMWARE_KEY_LABEL), product);
    return hsm_generate_firmware_key(task->vault->hsm, id, label, &task->fault);
}

/* Asked before the HSM makes a key: a taken name must not touch the HSM. */
static enum error check_name_is_free(struct admin_task *task, const char *name)
{
    struct ledger_product existing;
    enum error e = ledger_product_get(task->vault->ledger, name, &existing, &task->fault);
    if (e == ERR_PRODUCT_UNKNOWN)
        return ERR_OK;
    if (e != ERR_OK)
        return e;
    return fault_set(&task->fault, ERR_CONFLICT, "product-exists",
                     "A product of this name exists already; choose another name.", 0);
}

enum error admin_product_create(struct admin_task *task)
{
    const Provisiond__ProductCreateRequest *asked = task->request->product_create;
    char options[LEDGER_OPTIONS_MAX + 1];
    enum error e = check_product(task, asked, options);
    if (e == ERR_OK)
        e = hsm_watch_permits(task->vault->watch, &task->fault);
    if (e == ERR_OK)
        e = check_name_is_free(task, asked->name);
    if (e != ERR_OK)
        return e;
    const struct hsm_key_id id = firmware_key_id(asked->name);
    struct ledger_product_new product = {
        .name = asked->name,
        .profile = asked->profile,
        .policy = LEDGER_PER_DEVICE,
        .quota = asked->quota,
        .anchors = bytes_of(asked->anchors.data, asked->anchors.len),
        .allows_key_exposure = asked->allow_session_key_exposure,
        .options = options,
    };
    memcpy(product.firmware_key, id.bytes, sizeof product.firmware_key);
    e = make_firmware_key(task, asked->name, &id);
    if (e == ERR_OK)
        e = ledger_product_create(task->vault->ledger, &product, task->by, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__product_create_reply__init(&task->result.product_create);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_CREATE;
    task->reply.product_create = &task->result.product_create;
    return ERR_OK;
}

enum error admin_quota_add(struct admin_task *task)
{
    const Provisiond__QuotaAddRequest *asked = task->request->quota_add;
    Provisiond__QuotaAddReply *reply = &task->result.quota_add;
    provisiond__quota_add_reply__init(reply);
    enum error e = ledger_quota_add(task->vault->ledger, asked->product, asked->units, task->by,
                                    &reply->quota, &task->fault);
    if (e != ERR_OK)
        return e;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_QUOTA_ADD;
    task->reply.quota_add = reply;
    return ERR_OK;
}

enum error admin_usage(struct admin_task *task)
{
    enum error e =
        usage_answer(task->vault, task->request->usage, &task->result.usage, &task->fault);
    if (e != ERR_OK)
        return e;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_USAGE;
    task->reply.usage = &task->result.usage;
    return ERR_OK;
}

/* ---- stations ---- */

enum error admin_station_add(struct admin_task *task)
{
    const Provisiond__StationAddRequest *asked = task->request->station_add;
    struct sha256 *spki = &task->values.digest;
    Provisiond__StationAddReply *reply = &task->result.station_add;
    if (!name_is_valid(asked->name, LEDGER_NAME_MAX))
        return admin_refuse_field(task, "name", NAME_RULE);
    enum error e = certificate_spki(bytes_of(asked->certificate.data, asked->certificate.len), spki,
                                    &task->fault);
    if (e == ERR_OK)
        e = ledger_principal_add(task->vault->ledger, asked->name, LEDGER_STATION, spki, task->by,
                                 &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__station_add_reply__init(reply);
    reply->spki = data_of(spki->bytes, SHA256_SIZE);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STATION_ADD;
    task->reply.station_add = reply;
    return ERR_OK;
}

enum error admin_station_enable(struct admin_task *task)
{
    const Provisiond__StationEnableRequest *asked = task->request->station_enable;
    enum error e = ledger_principal_enable(task->vault->ledger, asked->name, asked->enabled,
                                           task->by, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__station_enable_reply__init(&task->result.station_enable);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STATION_ENABLE;
    task->reply.station_enable = &task->result.station_enable;
    return ERR_OK;
}
