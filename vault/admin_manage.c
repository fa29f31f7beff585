/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Status and set-up. Owns no state. */
#include "vault/admin_task.h"

#include <stdio.h>
#include <string.h>

#include "core/bytes.h"
#include "device/device.h"
#include "license/license.h"
#include "vault/ledger_watch.h"
#include "vault/governance.h"
#include "vault/hsm_watch.h"
#include "vault/product_options.h"
#include "vault/usage.h"

#define NO_LEAF (-2) /* no leaf of this ledger names the key */

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

static void put_head(Provisiond__JournalHead *message, struct ledger_head *head)
{
    provisiond__journal_head__init(message);
    message->size = head->size;
    message->root = data_of(head->root.bytes, SHA256_SIZE);
}

static void put_journal(struct admin_task *task, Provisiond__AdminStatusReply *reply)
{
    struct notary_view *view = &task->values.status.notary;
    notary_show(task->vault->notary, view);
    reply->anchor = (char *)(uintptr_t)notary_word(view);
    reply->anchor_detail = view->fault.detail;
    reply->checkpoint_size = view->checkpoint_size;
    reply->anchored_size = view->anchored_size;
    reply->products_tampered = governance_count_tampered(task->vault->governance);
    reply->origin = view->origin;
    reply->retired = view->is_retired;
    if (!view->is_breached)
        return;
    put_head(&task->values.status.breach_anchor, &view->heads.anchor);
    put_head(&task->values.status.breach_head, &view->heads.found);
    reply->breach_anchor = &task->values.status.breach_anchor;
    reply->breach_head = &task->values.status.breach_head;
}

/* The leaf from which on it signs. */
static int64_t leaf_of(const struct key_chain *keys, const struct sha256 *digest)
{
    const struct key_chain_key *key = keys->count > 0 ? key_chain_find(keys, digest) : NULL;
    return key != NULL ? key->leaf : NO_LEAF;
}

static void put_keys(struct admin_task *task, Provisiond__AdminStatusReply *reply)
{
    const struct hsm_status *hsm = &task->values.status.hsm;
    struct key_chain *keys = &task->values.status.keys;
    struct fault ignored;
    if (notary_keys(task->vault->notary, keys, &ignored) != ERR_OK)
        keys->count = 0;
    for (size_t i = 0; i <= hsm->successor_count && hsm->checkpoint.length > 0; i++) {
        const struct hsm_spki *spki = i == 0 ? &hsm->checkpoint : &hsm->successors[i - 1];
        Provisiond__CheckpointKey *row = &task->values.status.rows[i];
        struct sha256 *digest = &task->values.status.digests[i];
        *digest = sha256_of(bytes_of(spki->der, spki->length));
        provisiond__checkpoint_key__init(row);
        row->key = data_of(digest->bytes, SHA256_SIZE);
        row->leaf = i == 0 ? -1 : leaf_of(keys, digest);
        task->values.status.links[i] = row;
        reply->n_checkpoint_keys = i + 1;
    }
    reply->checkpoint_keys = task->values.status.links;
}

static void put_disk(struct admin_task *task, Provisiond__AdminStatusReply *reply)
{
    struct ledger_room room;
    ledger_room(task->vault->ledger, &room);
    reply->disk = (char *)(uintptr_t)ledger_watch_room(room.state);
    reply->disk_free = room.free_bytes;
    reply->disk_reserve = room.reserve_bytes;
}

static void put_weak_keys(struct admin_task *task, Provisiond__AdminStatusReply *reply)
{
    struct hsm_weak_key *weak = task->values.status.weak_keys;
    size_t count = hsm_watch_weak_keys(task->vault->watch, weak);
    for (size_t i = 0; i < count; i++) {
        Provisiond__AdminWeakKey *message = &task->values.status.weak_messages[i];
        provisiond__admin_weak_key__init(message);
        hsm_weak_key_explain(&weak[i], task->values.status.weak_details[i]);
        message->label = weak[i].label;
        message->key_id = data_of(weak[i].id.bytes, HSM_KEY_ID_BYTES);
        message->attribute = weak[i].attribute;
        message->detail = task->values.status.weak_details[i];
        task->values.status.weak_list[i] = message;
    }
    reply->n_weak_keys = count;
    reply->weak_keys = task->values.status.weak_list;
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
    put_weak_keys(task, reply);
    if (e == ERR_OK)
        put_keys(task, reply);
    reply->keys_destroyed = e == ERR_OK && ledger_is_retired(task->vault->ledger) &&
                            task->values.status.hsm.transport.length == 0;
    reply->initialised = info->is_initialised;
    reply->site = info->site;
    reply->hsm_identity = data_of(info->hsm_identity.bytes, SHA256_SIZE);
    reply->journal_size = info->journal_size;
    put_journal(task, reply);
    put_disk(task, reply);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STATUS;
    task->reply.status = reply;
    return ERR_OK;
}

/* Keys are made before the ledger is bound, so an init that was cut off can be repeated. */
/* An HSM with an anchor belongs to a ledger; an empty one in its place is a disk that is missing.
 */
static enum error check_unused(struct admin_task *task, bool *ret_was_bound)
{
    struct ledger_info info;
    struct hsm_anchor anchor = {.length = 0};
    enum error e = ledger_info(task->vault->ledger, &info, &task->fault);
    if (e == ERR_OK)
        *ret_was_bound = info.is_initialised;
    if (e != ERR_OK || info.is_initialised)
        return e;
    e = hsm_anchor_read(task->vault->hsm, &anchor, &task->fault);
    if (e == ERR_UNSUPPORTED)
        return ERR_OK;
    if (e == ERR_OK && anchor.is_retired)
        return ledger_retired_fault(&task->fault);
    if (e == ERR_OK && anchor.length > 0)
        e = fault_set(&task->fault, ERR_CONFLICT, "hsm-in-use",
                      "This HSM remembers the journal of a ledger that is not here. Is its disk "
                      "mounted, its path right? If that ledger is given up, remove the data "
                      "object provisiond-anchor with the token's own tool first.",
                      0);
    return e;
}

/* Whoever is too long for the ledger is refused there, not cut. */
static enum error read_people(struct admin_task *task, struct ledger_people *ret_people)
{
    const Provisiond__AdminInitRequest *request = task->request->init;
    if (strlen(request->officer) > LEDGER_NAME_MAX || strlen(request->witness) > LEDGER_NAME_MAX)
        return admin_refuse_field(task, "people", "A person's name has at most 64 bytes.");
    *ret_people = (struct ledger_people){0};
    strcpy(ret_people->officer, request->officer);
    strcpy(ret_people->witness, request->witness);
    return ERR_OK;
}

enum error admin_init(struct admin_task *task)
{
    struct ledger_people people;
    const bool is_ceremony =
        task->request->init->officer[0] != '\0' || task->request->init->witness[0] != '\0';
    bool was_bound = false;
    struct hsm_spki *checkpoint = &task->values.init.checkpoint;
    struct hsm_spki *transport = &task->values.init.transport;
    struct sha256 *identity = &task->values.init.identity;
    Provisiond__AdminInitReply *reply = &task->result.init;
    const char *site = task->request->init->site;
    if (!name_is_valid(site, LEDGER_NAME_MAX))
        return admin_refuse_field(task, "site", ADMIN_NAME_RULE);
    enum error e = read_people(task, &people);
    if (e != ERR_OK)
        return e;
    hsm_watch_refresh(task->vault->watch);
    e = hsm_watch_permits(task->vault->watch, &task->fault);
    if (e != ERR_OK && e != ERR_NOT_INITIALISED)
        return e;
    e = ledger_is_retired(task->vault->ledger) ? ledger_retired_fault(&task->fault)
                                               : check_unused(task, &was_bound);
    if (e == ERR_OK)
        e = hsm_init(task->vault->hsm, checkpoint, transport, &task->fault);
    if (e != ERR_OK)
        return e;
    *identity = sha256_of(bytes_of(checkpoint->der, checkpoint->length));
    e = ledger_initialise(task->vault->ledger, site, identity, is_ceremony ? &people : NULL,
                          &task->fault);
    if (e != ERR_OK)
        return e;
    hsm_watch_refresh(task->vault->watch);
    provisiond__admin_init_reply__init(reply);
    reply->hsm_identity = data_of(identity->bytes, SHA256_SIZE);
    reply->checkpoint_spki = data_of(checkpoint->der, checkpoint->length);
    reply->transport_spki = data_of(transport->der, transport->length);
    reply->was_bound = was_bound;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_INIT;
    task->reply.init = reply;
    return ERR_OK;
}
