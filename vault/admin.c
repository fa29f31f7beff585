/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Dispatch of the admin socket. Owns no state. */
#include "vault/admin.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/fault_message.h"
#include "core/log.h"
#include "vault/admin_task.h"
#include "vault/notary.h"

/* What the admin socket can do: this table is the whole of it. */
static const struct operation {
    const char *name;
    enum error (*serve)(struct admin_task *task);
    Provisiond__AdminRequest__OpCase op;
    bool changes; /* what would be lost with a ledger that is about to be replaced */
} OPERATIONS[] = {
    {"status", admin_status, PROVISIOND__ADMIN_REQUEST__OP_STATUS, false},
    {"init", admin_init, PROVISIOND__ADMIN_REQUEST__OP_INIT, false},
    {"product-create", admin_product_create, PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_CREATE, true},
    {"product-list", admin_product_list, PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_LIST, false},
    {"quota-add", admin_quota_add, PROVISIOND__ADMIN_REQUEST__OP_QUOTA_ADD, true},
    {"image-encrypt", admin_image_encrypt, PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENCRYPT, true},
    {"image-list", admin_image_list, PROVISIOND__ADMIN_REQUEST__OP_IMAGE_LIST, false},
    {"image-enable", admin_image_enable, PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENABLE, true},
    {"image-alias", admin_image_alias, PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ALIAS, true},
    {"station-add", admin_station_add, PROVISIOND__ADMIN_REQUEST__OP_STATION_ADD, true},
    {"station-list", admin_station_list, PROVISIOND__ADMIN_REQUEST__OP_STATION_LIST, false},
    {"station-enable", admin_station_enable, PROVISIOND__ADMIN_REQUEST__OP_STATION_ENABLE, true},
    {"usage", admin_usage, PROVISIOND__ADMIN_REQUEST__OP_USAGE, false},
    {"grant-apply", admin_grant_apply, PROVISIOND__ADMIN_REQUEST__OP_GRANT_APPLY, false},
    {"grant-list", admin_grant_list, PROVISIOND__ADMIN_REQUEST__OP_GRANT_LIST, false},
    {"journal-export", admin_journal_export, PROVISIOND__ADMIN_REQUEST__OP_JOURNAL_EXPORT, false},
    {"journal-override", admin_journal_override, PROVISIOND__ADMIN_REQUEST__OP_JOURNAL_OVERRIDE,
     false},
    {"budget-set", admin_budget_set, PROVISIOND__ADMIN_REQUEST__OP_BUDGET_SET, true},
    {"budget-list", admin_budget_list, PROVISIOND__ADMIN_REQUEST__OP_BUDGET_LIST, false},
    {"device-rebind", admin_device_rebind, PROVISIOND__ADMIN_REQUEST__OP_DEVICE_REBIND, true},
};

enum error admin_refuse_field(struct admin_task *task, const char *reason, const char *detail)
{
    return fault_set(&task->fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* Nothing is changed in a ledger that does not extend the HSM's anchor. */
static enum error run(struct admin_task *task, const struct operation *operation)
{
    if (operation->changes &&
        notary_permits(task->vault->notary, &task->fault) == ERR_ANCHOR_MISMATCH)
        return ERR_ANCHOR_MISMATCH;
    task->fault = (struct fault){0};
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

static void send_reply(struct rpc_call *call, const Provisiond__AdminReply *message)
{
    size_t length = provisiond__admin_reply__get_packed_size(message);
    uint8_t *payload = malloc(length + 1);
    if (payload == NULL || length == 0) {
        free(payload);
        rpc_hang_up(call);
        return;
    }
    provisiond__admin_reply__pack(message, payload);
    rpc_reply(call, bytes_of(payload, length), NULL, 0);
    free(payload);
}

static void reply_with_fault(struct rpc_call *call, Provisiond__AdminReply *reply,
                             const struct fault *fault)
{
    Provisiond__FaultMessage message;
    fault_to_message(fault, &message);
    reply->fault = &message;
    send_reply(call, reply);
}

void admin_serve(void *context, struct rpc_call *call)
{
    struct bytes request = rpc_call_request(call);
    struct admin_task task = {.vault = context, .file = -1};
    unsigned file_count = 0;
    const int *files = rpc_call_fds(call, &file_count);
    Provisiond__AdminRequest *message =
        provisiond__admin_request__unpack(NULL, request.length, request.data);
    if (message == NULL) {
        rpc_hang_up(call);
        return;
    }
    task.request = message;
    if (file_count > 0)
        task.file = files[0];
    (void)snprintf(task.by, sizeof task.by, "uid:%u", (unsigned)rpc_call_peer(call)->uid);
    provisiond__admin_reply__init(&task.reply);
    if (serve(&task) == ERR_OK)
        task.fault = (struct fault){0};
    reply_with_fault(call, &task.reply, &task.fault);
    if (task.free_memory != NULL)
        task.free_memory(task.memory);
    provisiond__admin_request__free_unpacked(message, NULL);
}

void admin_refuse_busy(struct rpc_call *call)
{
    Provisiond__AdminReply reply;
    struct fault fault;
    provisiond__admin_reply__init(&reply);
    (void)fault_set(&fault, ERR_BUSY, "queue-full",
                    "The vault has more administration to do than it can take.", 0);
    reply_with_fault(call, &reply, &fault);
}
