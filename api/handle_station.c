/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GET /v1/stations, one of them, and /v1/self: who may ask what. Owns no state. */
#include "api/handler.h"
#include "api/json_writer.h"
#include "api/query.h"
#include "api/reply.h"
#include "api/request.h"

#define KEYS_MAX  4
#define SCOPE_MAX 32 /* products, or lines */

/* ---- the questions ---- */

static enum error ask_stations(struct request *request, char *name)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__PrincipalListRequest list = PROVISIOND__PRINCIPAL_LIST_REQUEST__INIT;
    list.name = name;
    list.role = PROVISIOND__ROLE__ROLE_STATION;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_PRINCIPAL_LIST;
    message.principal_list = &list;
    return request_ask(request, &message);
}

static enum error start_list(struct request *request)
{
    char all[] = "";
    enum error e = query_refuse_any(request);
    return e == ERR_OK ? ask_stations(request, all) : e;
}

static enum error start_one(struct request *request)
{
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    if (!name_is_valid(request->match.segment, API_NAME_MAX_BYTES))
        return fault_set(&request->fault, ERR_PRINCIPAL_UNKNOWN, "not-a-station",
                         "The path names no station.", 0);
    return ask_stations(request, request->match.segment);
}

static enum error start_self(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__SelfRequest self = PROVISIOND__SELF_REQUEST__INIT;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_SELF;
    message.self = &self;
    return request_ask(request, &message);
}

/* ---- the answers ---- */

static void write_role(struct json_writer *writer, Provisiond__Role role)
{
    static const char *const names[] = {
        [PROVISIOND__ROLE__ROLE_UNKNOWN] = "",
        [PROVISIOND__ROLE__ROLE_STATION] = "station",
        [PROVISIOND__ROLE__ROLE_OPERATOR] = "operator",
        [PROVISIOND__ROLE__ROLE_AUDITOR] = "auditor",
        [PROVISIOND__ROLE__ROLE_ADMINISTRATOR] = "administrator",
        [PROVISIOND__ROLE__ROLE_METRICS] = "metrics",
    };
    size_t count = sizeof names / sizeof names[0];
    write_word(writer, "role", (size_t)role < count ? names[role] : "", names + 1, count - 1);
}

static void write_keys(struct json_writer *writer, const Provisiond__PrincipalEntry *entry)
{
    if (entry->n_keys < 1 || entry->n_keys > KEYS_MAX)
        write_unsound(writer);
    write_array(writer, "keys");
    for (size_t i = 0; i < entry->n_keys; i++) {
        write_object(writer, NULL);
        write_sha256(writer, "key", &entry->keys[i]->spki);
        write_time(writer, "added_at", entry->keys[i]->added_unix_ms);
        write_end(writer);
    }
    write_end(writer);
}

static void write_scope(struct json_writer *writer, const Provisiond__PrincipalEntry *entry)
{
    if (entry->n_products > SCOPE_MAX || entry->n_lines > SCOPE_MAX)
        write_unsound(writer);
    write_array(writer, "products");
    for (size_t i = 0; i < entry->n_products; i++)
        write_name(writer, NULL, entry->products[i]);
    write_end(writer);
    write_array(writer, "lines");
    for (size_t i = 0; i < entry->n_lines; i++)
        write_line(writer, NULL, entry->lines[i], API_NAME_MAX_BYTES);
    write_end(writer);
}

static void write_principal(struct json_writer *writer, const Provisiond__PrincipalEntry *entry)
{
    write_name(writer, "name", entry->name);
    write_role(writer, entry->role);
    write_flag(writer, "enabled", entry->enabled);
    write_keys(writer, entry);
    write_scope(writer, entry);
}

static enum error write_list(struct request *request, const Provisiond__StationReply *reply,
                             struct json_writer *writer)
{
    const Provisiond__PrincipalListReply *from = reply->principal_list;
    (void)request;
    write_array(writer, "stations");
    for (size_t i = 0; i < from->n_principals; i++) {
        write_object(writer, NULL);
        write_principal(writer, from->principals[i]);
        write_end(writer);
    }
    write_end(writer);
    return ERR_OK;
}

static enum error write_one(struct request *request, const Provisiond__StationReply *reply,
                            struct json_writer *writer)
{
    (void)request;
    if (reply->principal_list->n_principals == 1)
        write_principal(writer, reply->principal_list->principals[0]);
    else
        write_unsound(writer);
    return ERR_OK;
}

static enum error write_self(struct request *request, const Provisiond__StationReply *reply,
                             struct json_writer *writer)
{
    (void)request;
    if (reply->self->principal != NULL)
        write_principal(writer, reply->self->principal);
    else
        write_unsound(writer);
    return ERR_OK;
}

const struct handler STATION_LIST_HANDLER = {
    .start = start_list,
    .take = reply_take,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_PRINCIPAL_LIST,
    .write = write_list,
};

const struct handler STATION_READ_HANDLER = {
    .start = start_one,
    .take = reply_take,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_PRINCIPAL_LIST,
    .write = write_one,
};

const struct handler SELF_HANDLER = {
    .start = start_self,
    .take = reply_take,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_SELF,
    .write = write_self,
};
