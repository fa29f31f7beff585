/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Standby HSMs on the admin socket: which there are, and session keys for them. Owns no state. */
#include "vault/admin_task.h"

#include <stdlib.h>
#include <string.h>

#include "vault/hsm_watch.h"

/* ---- the list ---- */

/* What the answer points into. */
struct standby_list {
    struct ledger_standby rows[LEDGER_STANDBYS_MAX];
    struct sha256 keys[LEDGER_STANDBYS_MAX];
    Provisiond__StandbyEntry entries[LEDGER_STANDBYS_MAX];
    Provisiond__StandbyEntry *links[LEDGER_STANDBYS_MAX];
    size_t count;
    struct ledger_handed_over *has; /* owned, as the two below */
    Provisiond__StandbyHas *has_entries;
    Provisiond__StandbyHas **has_links;
    size_t has_count;
    bool is_out_of_memory;
};

static void standby_list_free(void *memory)
{
    struct standby_list *list = memory;
    free(list->has);
    free(list->has_entries);
    free(list->has_links);
    free(list);
}

static bool add_standby(void *context, const struct ledger_standby *standby)
{
    struct standby_list *list = context;
    if (list->count == LEDGER_STANDBYS_MAX)
        return false;
    list->rows[list->count++] = *standby;
    return true;
}

static bool add_has(void *context, const struct ledger_handed_over *row)
{
    struct standby_list *list = context;
    struct ledger_handed_over *has = realloc(list->has, (list->has_count + 1) * sizeof *has);
    list->is_out_of_memory = has == NULL;
    if (has == NULL)
        return false;
    list->has = has;
    list->has[list->has_count++] = *row;
    return true;
}

static void link_standbys(struct standby_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct ledger_standby *row = &list->rows[i];
        Provisiond__StandbyEntry *entry = &list->entries[i];
        provisiond__standby_entry__init(entry);
        list->keys[i] = sha256_of(bytes_of(row->spki, row->spki_length));
        entry->name = row->name;
        entry->hsm_identity = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = row->hsm.bytes};
        entry->transport_key =
            (ProtobufCBinaryData){.len = SHA256_SIZE, .data = list->keys[i].bytes};
        entry->added_unix_ms = row->added_unix_ms;
        list->links[i] = entry;
    }
}

static bool link_has(struct standby_list *list)
{
    list->has_entries = calloc(list->has_count + 1, sizeof *list->has_entries);
    list->has_links = calloc(list->has_count + 1, sizeof(Provisiond__StandbyHas *));
    if (list->has_entries == NULL || list->has_links == NULL)
        return false;
    for (size_t i = 0; i < list->has_count; i++) {
        struct ledger_handed_over *row = &list->has[i];
        Provisiond__StandbyHas *entry = &list->has_entries[i];
        provisiond__standby_has__init(entry);
        entry->standby = row->standby;
        entry->product = row->product;
        entry->images = row->images;
        entry->exported = row->exported;
        entry->exported_unix_ms = row->exported_unix_ms;
        list->has_links[i] = entry;
    }
    return true;
}

/* This HSM, as far as it is known and there. */
static enum error read_own(struct admin_task *task, Provisiond__StandbyListReply *reply)
{
    struct standby_own *own = &task->values.own;
    struct ledger_info info;
    struct hsm_status status;
    struct fault ignored;
    enum error e = ledger_info(task->vault->ledger, &info, &task->fault);
    if (e != ERR_OK || !info.is_initialised)
        return e;
    own->identity = info.hsm_identity;
    reply->hsm_identity = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = own->identity.bytes};
    if (hsm_watch_get(task->vault->watch, &status, &ignored) != ERR_OK)
        return ERR_OK;
    own->transport = status.transport;
    reply->transport_spki =
        (ProtobufCBinaryData){.len = own->transport.length, .data = own->transport.der};
    return ERR_OK;
}

enum error admin_standby_list(struct admin_task *task)
{
    Provisiond__StandbyListReply *reply = &task->result.standby_list;
    struct standby_list *list = calloc(1, sizeof *list);
    task->memory = list;
    task->free_memory = list != NULL ? standby_list_free : NULL;
    if (list == NULL)
        return fault_set(&task->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    provisiond__standby_list_reply__init(reply);
    enum error e = read_own(task, reply);
    if (e == ERR_OK)
        e = ledger_standbys_each(task->vault->ledger, add_standby, list, &task->fault);
    if (e == ERR_OK)
        e = ledger_handed_over_each(task->vault->ledger, add_has, list, &task->fault);
    if (e == ERR_OK && (list->is_out_of_memory || !link_has(list)))
        e = fault_set(&task->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (e != ERR_OK)
        return e;
    link_standbys(list);
    reply->n_standbys = list->count;
    reply->standbys = list->links;
    reply->n_has = list->has_count;
    reply->has = list->has_links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STANDBY_LIST;
    task->reply.standby_list = reply;
    return ERR_OK;
}

/* ---- which there are ---- */

static enum error read_standby(struct admin_task *task, struct ledger_standby *standby)
{
    const Provisiond__StandbyAddRequest *asked = task->request->standby_add;
    const struct bytes spki = bytes_of(asked->transport_spki.data, asked->transport_spki.len);
    uint8_t point[STANDBY_POINT_BYTES];
    struct ledger_info info;
    if (!name_is_valid(asked->name, LEDGER_NAME_MAX))
        return admin_refuse_field(task, "name", ADMIN_NAME_RULE);
    if (!admin_read_digest(&asked->hsm_identity, &standby->hsm))
        return admin_refuse_field(task, "hsm_identity", "An HSM's identity has 32 bytes.");
    enum error e = standby_point(spki, point, &task->fault);
    if (e == ERR_OK)
        e = ledger_info(task->vault->ledger, &info, &task->fault);
    if (e != ERR_OK)
        return e;
    if (info.is_initialised && sha256_equal(&info.hsm_identity, &standby->hsm))
        return admin_refuse_field(task, "own-hsm",
                                  "This is the HSM of this server; a standby is another one.");
    strcpy(standby->name, asked->name);
    memcpy(standby->spki, spki.data, spki.length);
    standby->spki_length = spki.length;
    return ERR_OK;
}

enum error admin_standby_add(struct admin_task *task)
{
    struct ledger_standby standby = {0};
    enum error e = read_standby(task, &standby);
    if (e == ERR_OK)
        e = ledger_standby_add(task->vault->ledger, &standby, task->by, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__standby_add_reply__init(&task->result.standby_add);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STANDBY_ADD;
    task->reply.standby_add = &task->result.standby_add;
    return ERR_OK;
}

enum error admin_standby_remove(struct admin_task *task)
{
    enum error e = ledger_standby_remove(task->vault->ledger, task->request->standby_remove->name,
                                         task->by, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__standby_remove_reply__init(&task->result.standby_remove);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STANDBY_REMOVE;
    task->reply.standby_remove = &task->result.standby_remove;
    return ERR_OK;
}

/* ---- session keys ---- */

static enum error export_keys(struct admin_task *task)
{
    const Provisiond__StandbyExportRequest *asked = task->request->standby_export;
    Provisiond__StandbyExportReply *reply = &task->result.standby_export;
    struct standby_exported *exported = &task->values.exported;
    const struct standby_export wanted = {
        .product = asked->product, .standby = asked->standby, .by = task->by, .file = task->file};
    enum error e = standby_export(task->vault, &wanted, exported, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__standby_export_reply__init(reply);
    reply->images = exported->images;
    reply->added = exported->added;
    reply->file = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = exported->file.bytes};
    reply->standby = exported->standby;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STANDBY_EXPORT;
    task->reply.standby_export = reply;
    return ERR_OK;
}

enum error admin_standby_export(struct admin_task *task)
{
    return admin_long_work(task, export_keys);
}
