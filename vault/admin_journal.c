/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What administration does about the journal: export, override, and the signed documents that come
 * in by the admin socket. Owns no state.
 */
#include "vault/admin_task.h"

#include <string.h>

#include "vault/governance.h"
#include "vault/journal_export.h"
#include "vault/notary.h"

#define OPEN_TIMEOUT_MS 10000

/* ---- grant apply ---- */

enum error admin_grant_apply(struct admin_task *task)
{
    const ProtobufCBinaryData *document = &task->request->grant_apply->document;
    const struct grants_bringer bringer = {.by = task->by, .may_create = true};
    enum error e = grants_apply(task->vault, bytes_of(document->data, document->len), &bringer,
                                &task->values.grant, &task->fault);
    if (e != ERR_OK)
        return e;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_GRANT_APPLY;
    task->reply.grant_apply = &task->values.grant.reply;
    return ERR_OK;
}

/* ---- journal export ---- */

enum error admin_journal_export(struct admin_task *task)
{
    const ProtobufCBinaryData *challenge = &task->request->journal_export->challenge;
    Provisiond__JournalExportReply *reply = &task->result.journal_export;
    struct ledger_head head;
    const struct journal_export_request request = {
        .challenge = bytes_of(challenge->data, challenge->len), .by = task->by, .file = task->file};
    enum error e = journal_export(task->vault, &request, &head, &task->fault);
    if (e != ERR_OK)
        return e;
    task->values.digest = head.root;
    provisiond__journal_export_reply__init(reply);
    reply->size = head.size;
    reply->root = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = task->values.digest.bytes};
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_JOURNAL_EXPORT;
    task->reply.journal_export = reply;
    return ERR_OK;
}

/* ---- journal override ---- */

static bool read_head(const Provisiond__JournalHead *message, struct ledger_head *ret_head)
{
    if (message == NULL || message->root.len != SHA256_SIZE)
        return false;
    ret_head->size = message->size;
    memcpy(ret_head->root.bytes, message->root.data, SHA256_SIZE);
    return true;
}

static bool is_same_head(const struct ledger_head *a, const struct ledger_head *b)
{
    return a->size == b->size && sha256_equal(&a->root, &b->root);
}

/* Before anybody is sent to a maker for his signature. */
static enum error check_heads(struct admin_task *task, const struct ledger_heads *heads)
{
    struct notary_view view;
    notary_show(task->vault->notary, &view);
    if (view.is_breached && (!is_same_head(&view.heads.anchor, &heads->anchor) ||
                             !is_same_head(&view.heads.found, &heads->found)))
        return fault_set(&task->fault, ERR_ANCHOR_MISMATCH, "other-heads",
                         "The ledger was found with other heads: read the status again.", 0);
    return ERR_OK;
}

enum error admin_journal_override(struct admin_task *task)
{
    const Provisiond__JournalOverrideRequest *asked = task->request->journal_override;
    Provisiond__JournalOverrideReply *reply = &task->result.journal_override;
    struct vault *vault = task->vault;
    struct ledger_heads heads;
    if (!read_head(asked->anchor, &heads.anchor) || !read_head(asked->head, &heads.found))
        return admin_refuse_field(task, "heads",
                                  "Name the anchor and the head that provctl status shows.");
    provisiond__journal_override_reply__init(reply);
    enum error e = notary_permits(vault->notary, &task->fault);
    if (e != ERR_HSM_RETIRED)
        e = check_heads(task, &heads);
    if (e == ERR_OK)
        e = governance_allows_override(vault->governance, &heads, &task->fault);
    if (e == ERR_OK)
        e = ledger_override(vault->ledger, &heads, task->by, &reply->journal_index, &task->fault);
    if (e == ERR_OK) /* writes the new anchor; may still find something wrong */
        e = notary_reopen(vault->notary, deadline_in(OPEN_TIMEOUT_MS), &task->fault);
    if (e != ERR_OK)
        return e;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_JOURNAL_OVERRIDE;
    task->reply.journal_override = reply;
    return ERR_OK;
}
