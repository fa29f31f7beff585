/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GET /v1/grants and /v1/grants/{grant_id}: the documents that were accepted. Owns no state. */
#include <string.h>

#include "api/handler.h"
#include "api/json_writer.h"
#include "api/query.h"
#include "api/reply.h"
#include "api/request.h"

#define ID_TEXT_LENGTH 36 /* of a UUID */

/* ---- the questions ---- */

static enum error ask(struct request *request, Provisiond__GrantReadRequest *read)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_GRANT_READ;
    message.grant_read = read;
    return request_ask(request, &message);
}

static enum error start_list(struct request *request)
{
    Provisiond__GrantReadRequest read = PROVISIOND__GRANT_READ_REQUEST__INIT;
    struct query query;
    enum error e = query_read(request, QUERY_PAGE | QUERY_PRODUCT, &query);
    if (e != ERR_OK)
        return e;
    if (query.cursor[0] != '\0' && !cursor_number(query.cursor, CURSOR_GRANTS, &read.before))
        return query_refuse_cursor(request);
    read.product = query.product;
    read.limit = query.limit;
    return ask(request, &read);
}

/* A document's id is a UUID of any version. */
static bool parse_id(const char *text, struct uuid *ret_id)
{
    char hex[2 * UUID_SIZE + 1];
    size_t digits = 0;
    if (strlen(text) != ID_TEXT_LENGTH)
        return false;
    for (size_t i = 0; i < ID_TEXT_LENGTH; i++) {
        bool is_dash_place = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash_place != (text[i] == '-'))
            return false;
        if (!is_dash_place)
            hex[digits++] = text[i];
    }
    hex[digits] = '\0';
    return hex_decode(hex, ret_id->bytes, UUID_SIZE);
}

static enum error start_one(struct request *request)
{
    Provisiond__GrantReadRequest read = PROVISIOND__GRANT_READ_REQUEST__INIT;
    struct uuid id;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    if (!parse_id(request->match.segment, &id))
        return fault_set(&request->fault, ERR_GRANT_UNKNOWN, "not-a-grant",
                         "The path names no signed document: its id is a UUID.", 0);
    read.grant_id.data = id.bytes;
    read.grant_id.len = UUID_SIZE;
    read.limit = 1;
    return ask(request, &read);
}

/* ---- the answers ---- */

static void write_grant(struct json_writer *writer, const Provisiond__GrantEntry *entry)
{
    static const char *const kinds[] = {"install",  "scrap",  "revoke", "policy",
                                        "override", "rebind", "standby"};
    write_uuid(writer, "grant_id", "", &entry->grant_id);
    write_name(writer, "product", entry->product);
    write_word(writer, "kind", entry->kind, kinds, sizeof kinds / sizeof kinds[0]);
    write_count(writer, "units", entry->units);
    write_count(writer, "taken", entry->taken);
    write_line_if_any(writer, "lot", entry->lot, API_NAME_MAX_BYTES);
    if (entry->sequence != 0)
        write_count(writer, "sequence", entry->sequence);
    write_time(writer, "accepted_at", entry->accepted_unix_ms);
    write_count(writer, "journal_index", entry->journal_index);
    write_sha256(writer, "document_sha256", &entry->document);
}

static enum error write_list(struct request *request, const Provisiond__StationReply *reply,
                             struct json_writer *writer)
{
    const Provisiond__GrantReadReply *from = reply->grant_read;
    (void)request;
    write_array(writer, "grants");
    for (size_t i = 0; i < from->n_grants && i < API_PAGE_MAX; i++) {
        write_object(writer, NULL);
        write_grant(writer, from->grants[i]);
        write_end(writer);
    }
    write_end(writer);
    write_next_number(writer, CURSOR_GRANTS, from->next);
    return ERR_OK;
}

static enum error write_one(struct request *request, const Provisiond__StationReply *reply,
                            struct json_writer *writer)
{
    const Provisiond__GrantReadReply *from = reply->grant_read;
    (void)request;
    if (from->n_grants != 1) {
        write_unsound(writer);
        return ERR_OK;
    }
    write_grant(writer, from->grants[0]);
    write_base64(writer, "document", &from->content, API_DOCUMENT_MAX_BYTES);
    return ERR_OK;
}

const struct handler GRANT_LIST_HANDLER = {
    .start = start_list,
    .take = reply_take,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_GRANT_READ,
    .write = write_list,
};

const struct handler GRANT_READ_HANDLER = {
    .start = start_one,
    .take = reply_take,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_GRANT_READ,
    .write = write_one,
};
