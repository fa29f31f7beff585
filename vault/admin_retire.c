/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The end of an HSM: its journal's last leaf and last anchor, and then, when it is asked for, its
 * keys. Cut off anywhere it is asked for again. Owns no state.
 */
#include "vault/admin_task.h"

#include "core/crash_point.h"
#include "vault/governance.h"
#include "vault/hsm_watch.h"
#include "vault/notary.h"

#define ANCHOR_TIMEOUT_MS 10000

/* ---- the journal ---- */

static enum error read_successor(struct admin_task *task, struct sha256 *ret_successor,
                                 bool *ret_is_named)
{
    const ProtobufCBinaryData *named = &task->request->hsm_retire->successor;
    struct ledger_info info;
    *ret_is_named = named->len > 0;
    if (*ret_is_named && !admin_read_digest(named, ret_successor))
        return admin_refuse_field(task, "successor", "An HSM's identity has 32 bytes.");
    enum error e = ledger_info(task->vault->ledger, &info, &task->fault);
    if (e == ERR_OK && *ret_is_named && sha256_equal(ret_successor, &info.hsm_identity))
        e = admin_refuse_field(task, "successor", "An HSM does not follow itself.");
    return e;
}

/* As before a stop: what the rows say, where an auditor finds it. */
static enum error note_accounts(struct admin_task *task)
{
    struct governance *governance = task->vault->governance;
    struct notary_view view;
    notary_show(task->vault->notary, &view);
    enum error e = governance_check_all(governance, view.keeps_anchor, &task->fault);
    return e == ERR_OK ? governance_note_accounts(governance, &task->fault) : e;
}

static enum error end_journal(struct admin_task *task, int64_t *ret_index)
{
    struct vault *vault = task->vault;
    struct sha256 successor;
    bool is_named = false;
    enum error e = read_successor(task, &successor, &is_named);
    if (e == ERR_OK && !ledger_is_retired(vault->ledger)) {
        e = notary_permits(vault->notary, &task->fault);
        if (e == ERR_OK)
            e = note_accounts(task);
    }
    if (e != ERR_OK)
        return e;
    crash_point("vault.before-retired");
    e = ledger_retire(vault->ledger, is_named ? &successor : NULL, task->by, ret_index,
                      &task->fault);
    if (e == ERR_OK)
        crash_point("vault.after-retired");
    return e;
}

enum error admin_hsm_retire(struct admin_task *task)
{
    Provisiond__HsmRetireReply *reply = &task->result.hsm_retire;
    bool is_repeat = ledger_is_retired(task->vault->ledger);
    provisiond__hsm_retire_reply__init(reply);
    enum error e = end_journal(task, &reply->journal_index);
    if (e == ERR_OK)
        e = notary_await_end(task->vault->notary, deadline_in(ANCHOR_TIMEOUT_MS), &task->fault);
    if (e != ERR_OK)
        return e;
    reply->repeat = is_repeat;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_HSM_RETIRE;
    task->reply.hsm_retire = reply;
    return ERR_OK;
}

/* ---- the keys ---- */

static enum error check_named(struct admin_task *task)
{
    struct ledger_info info;
    struct sha256 named;
    if (!admin_read_digest(&task->request->hsm_destroy_keys->hsm_identity, &named))
        return admin_refuse_field(task, "hsm_identity", "An HSM's identity has 32 bytes.");
    enum error e = ledger_info(task->vault->ledger, &info, &task->fault);
    if (e == ERR_OK && !sha256_equal(&named, &info.hsm_identity))
        e = fault_set(&task->fault, ERR_CONFLICT, "other-hsm",
                      "This is another HSM than the one that is named: nothing was destroyed.", 0);
    return e;
}

/* The HSM decides by what it remembers; this only asks in the right order. */
enum error admin_hsm_destroy_keys(struct admin_task *task)
{
    Provisiond__HsmKeysDestroyReply *reply = &task->result.hsm_destroy_keys;
    struct vault *vault = task->vault;
    unsigned destroyed = 0;
    enum error e = check_named(task);
    if (e == ERR_OK)
        e = hsm_watch_permits(vault->watch, &task->fault);
    if (e == ERR_OK)
        e = hsm_destroy_keys(vault->hsm, &destroyed, &task->fault);
    if (e != ERR_OK)
        return e;
    hsm_watch_refresh(vault->watch);
    provisiond__hsm_keys_destroy_reply__init(reply);
    reply->destroyed = destroyed;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_HSM_DESTROY_KEYS;
    task->reply.hsm_destroy_keys = reply;
    return ERR_OK;
}
