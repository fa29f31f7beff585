/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Dispatch of the admin socket. Owns no state. */
#include "vault/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fault_message.h"
#include "core/log.h"
#include "vault/admin_task.h"
#include "vault/message.h"
#include "vault/notary.h"
#include "vault/vault_client.h"

/* When an operation is refused before it begins. */
enum effect {
    ALWAYS,  /* never */
    CHANGES, /* would be lost with a ledger that is about to be replaced */
    GROWS    /* likewise; and takes room on the disk without need to make room or to be safe */
};

/* What the admin socket can do: this table is the whole of it. */
static const struct operation {
    const char *name;
    enum error (*serve)(struct admin_task *task);
    Provisiond__AdminRequest__OpCase op;
    enum effect effect;
} OPERATIONS[] = {
    {"status", admin_status, PROVISIOND__ADMIN_REQUEST__OP_STATUS, ALWAYS},
    {"init", admin_init, PROVISIOND__ADMIN_REQUEST__OP_INIT, ALWAYS},
    {"product-create", admin_product_create, PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_CREATE, GROWS},
    {"product-list", admin_product_list, PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_LIST, ALWAYS},
    {"quota-add", admin_quota_add, PROVISIOND__ADMIN_REQUEST__OP_QUOTA_ADD, GROWS},
    {"image-encrypt", admin_image_encrypt, PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENCRYPT, GROWS},
    {"image-list", admin_image_list, PROVISIOND__ADMIN_REQUEST__OP_IMAGE_LIST, ALWAYS},
    {"image-import", admin_image_import, PROVISIOND__ADMIN_REQUEST__OP_IMAGE_IMPORT, GROWS},
    {"image-enable", admin_image_enable, PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENABLE, CHANGES},
    {"image-alias", admin_image_alias, PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ALIAS, CHANGES},
    {"principal-add", admin_principal_add, PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ADD, GROWS},
    {"principal-list", admin_principal_list, PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_LIST, ALWAYS},
    {"principal-enable", admin_principal_enable, PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ENABLE,
     CHANGES},
    {"principal-narrow", admin_principal_narrow, PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_NARROW,
     CHANGES},
    {"principal-key", admin_principal_key, PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_KEY, CHANGES},
    {"product-crls", admin_product_crls, PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_CRLS, CHANGES},
    {"usage", admin_usage, PROVISIOND__ADMIN_REQUEST__OP_USAGE, ALWAYS},
    {"grant-apply", admin_grant_apply, PROVISIOND__ADMIN_REQUEST__OP_GRANT_APPLY, ALWAYS},
    {"grant-list", admin_grant_list, PROVISIOND__ADMIN_REQUEST__OP_GRANT_LIST, ALWAYS},
    {"journal-export", admin_journal_export, PROVISIOND__ADMIN_REQUEST__OP_JOURNAL_EXPORT, ALWAYS},
    {"journal-override", admin_journal_override, PROVISIOND__ADMIN_REQUEST__OP_JOURNAL_OVERRIDE,
     ALWAYS},
    {"journal-rotate-key", admin_journal_rotate_key,
     PROVISIOND__ADMIN_REQUEST__OP_JOURNAL_ROTATE_KEY, CHANGES},
    {"budget-set", admin_budget_set, PROVISIOND__ADMIN_REQUEST__OP_BUDGET_SET, CHANGES},
    {"budget-list", admin_budget_list, PROVISIOND__ADMIN_REQUEST__OP_BUDGET_LIST, ALWAYS},
    {"device-rebind", admin_device_rebind, PROVISIOND__ADMIN_REQUEST__OP_DEVICE_REBIND, GROWS},
    {"ledger-copy", admin_ledger_copy, PROVISIOND__ADMIN_REQUEST__OP_LEDGER_COPY, ALWAYS},
    {"hsm-retire", admin_hsm_retire, PROVISIOND__ADMIN_REQUEST__OP_HSM_RETIRE, ALWAYS},
    {"hsm-destroy-keys", admin_hsm_destroy_keys, PROVISIOND__ADMIN_REQUEST__OP_HSM_DESTROY_KEYS,
     ALWAYS},
    {"image-file", admin_image_file, PROVISIOND__ADMIN_REQUEST__OP_IMAGE_FILE, ALWAYS},
    {"product-key-rotate", admin_product_key_rotate,
     PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_KEY_ROTATE, GROWS},
    {"product-keys", admin_product_keys, PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_KEYS, ALWAYS},
    {"product-key-destroy", admin_product_key_destroy,
     PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_KEY_DESTROY, CHANGES},
    {"device-allow", admin_device_allow, PROVISIOND__ADMIN_REQUEST__OP_DEVICE_ALLOW, GROWS},
    {"device-disallow", admin_device_disallow, PROVISIOND__ADMIN_REQUEST__OP_DEVICE_DISALLOW,
     CHANGES},
    {"device-lists", admin_device_lists, PROVISIOND__ADMIN_REQUEST__OP_DEVICE_LISTS, ALWAYS},
    {"standby-list", admin_standby_list, PROVISIOND__ADMIN_REQUEST__OP_STANDBY_LIST, ALWAYS},
    {"standby-add", admin_standby_add, PROVISIOND__ADMIN_REQUEST__OP_STANDBY_ADD, CHANGES},
    {"standby-remove", admin_standby_remove, PROVISIOND__ADMIN_REQUEST__OP_STANDBY_REMOVE, CHANGES},
    {"standby-export", admin_standby_export, PROVISIOND__ADMIN_REQUEST__OP_STANDBY_EXPORT, CHANGES},
    {"standby-import", admin_standby_import, PROVISIOND__ADMIN_REQUEST__OP_STANDBY_IMPORT, GROWS},
};

enum error admin_refuse_field(struct admin_task *task, const char *reason, const char *detail)
{
    return fault_set(&task->fault, ERR_BAD_REQUEST, reason, detail, 0);
}

bool admin_read_digest(const ProtobufCBinaryData *field, struct sha256 *ret_digest)
{
    if (field->len != SHA256_SIZE)
        return false;
    memcpy(ret_digest->bytes, field->data, SHA256_SIZE);
    return true;
}

/* Nothing is changed in a ledger that does not extend the HSM's anchor, or whose journal has ended.
 */
static enum error run(struct admin_task *task, const struct operation *operation)
{
    enum error e =
        operation->effect != ALWAYS ? notary_permits(task->vault->notary, &task->fault) : ERR_OK;
    if (e == ERR_ANCHOR_MISMATCH || e == ERR_HSM_RETIRED)
        return e;
    /* Before the notary says so: else keys would come and go without a leaf. */
    if (operation->effect != ALWAYS && ledger_is_retired(task->vault->ledger))
        return ledger_retired_fault(&task->fault);
    task->fault = (struct fault){0};
    if (operation->effect == GROWS &&
        ledger_room_permits(task->vault->ledger, 0, &task->fault) != ERR_OK)
        return task->fault.code;
    return operation->serve(task);
}

static enum error serve(struct admin_task *task)
{
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof OPERATIONS[0]; i++) {
        if (OPERATIONS[i].op != task->request->op_case)
            continue;
        enum error e = run(task, &OPERATIONS[i]);
        log_event(LOG_LEVEL_INFO, "administration", LOG_TEXT("operation", OPERATIONS[i].name),
                  LOG_TEXT("by", task->by), LOG_TEXT("outcome", error_name(e)),
                  LOG_NUMBER("native", e == ERR_OK ? 0 : task->fault.native));
        return e;
    }
    return admin_refuse_field(task, "op", "The request names no known operation.");
}

static const struct fault TOO_LARGE = {
    .code = ERR_INTERNAL,
    .reason = "answer-too-large",
    .detail = "The answer would be larger than 3 MiB: ask for less, for one by its name."};

/* Whoever asked for too much is told so. */
static void shorten(Provisiond__AdminReply *message, Provisiond__FaultMessage *fault_message)
{
    if (provisiond__admin_reply__get_packed_size(message) <= VAULT_REPLY_MAX_BYTES)
        return;
    fault_to_message(&TOO_LARGE, fault_message);
    provisiond__admin_reply__init(message);
    message->fault = fault_message;
}

static void send_reply(struct rpc_call *call, Provisiond__AdminReply *message, int file)
{
    Provisiond__FaultMessage fault;
    shorten(message, &fault);
    size_t length = provisiond__admin_reply__get_packed_size(message);
    uint8_t *payload = malloc(length + 1);
    if (payload == NULL || length == 0) {
        free(payload);
        rpc_hang_up(call);
        return;
    }
    provisiond__admin_reply__pack(message, payload);
    rpc_reply(call, bytes_of(payload, length), &file, file >= 0);
    free(payload);
}

static void reply_with_fault(struct rpc_call *call, Provisiond__AdminReply *reply,
                             const struct fault *fault, int file)
{
    Provisiond__FaultMessage message;
    fault_to_message(fault, &message);
    reply->fault = &message;
    send_reply(call, reply, file);
}

void *admin_read(const struct rpc_call *call, struct sha256 *ret_key, size_t *ret_bytes)
{
    (void)ret_key;
    return message_unpack(&provisiond__admin_request__descriptor, rpc_call_request(call),
                          MESSAGE_MAX_BYTES, ret_bytes);
}

void admin_serve(void *context, struct rpc_call *call, void *message, int64_t wait_us)
{
    struct admin_task task = {.vault = context, .request = message, .file = -1, .answer_file = -1};
    unsigned file_count = 0;
    const int *files = rpc_call_fds(call, &file_count);
    (void)wait_us;
    if (file_count > 0)
        task.file = files[0];
    (void)snprintf(task.by, sizeof task.by, "uid:%u", (unsigned)rpc_call_peer(call)->uid);
    provisiond__admin_reply__init(&task.reply);
    if (serve(&task) == ERR_OK)
        task.fault = (struct fault){0};
    reply_with_fault(call, &task.reply, &task.fault, task.answer_file);
    if (task.answer_file >= 0)
        (void)close(task.answer_file);
    if (task.free_memory != NULL)
        task.free_memory(task.memory);
    provisiond__admin_request__free_unpacked(message, NULL);
}

void admin_refuse(void *context, struct rpc_call *call, void *message, const struct fault *why)
{
    Provisiond__AdminReply reply;
    (void)context;
    provisiond__admin_reply__init(&reply);
    reply_with_fault(call, &reply, why, -1);
    provisiond__admin_request__free_unpacked(message, NULL);
}
