/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /v1/licenses, /v1/installs, and one of each: the same record, with or without what became of
 * it. Owns no state.
 */
#include <string.h>

#include "api/handler.h"
#include "api/json_writer.h"
#include "api/query.h"
#include "api/reply.h"
#include "api/request.h"

#define LICENSE_MEMBERS \
    (QUERY_PAGE | QUERY_TIMES | QUERY_PRODUCT | QUERY_LOT | QUERY_STATION | QUERY_DEVICE)
#define INSTALL_MEMBERS (LICENSE_MEMBERS | QUERY_RESULT)

/* ---- the question ---- */

static enum error ask(struct request *request, Provisiond__InstallListRequest *list)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_INSTALL_LIST;
    message.install_list = list;
    return request_ask(request, &message);
}

static enum error start_list(struct request *request, unsigned members)
{
    Provisiond__InstallListRequest list = PROVISIOND__INSTALL_LIST_REQUEST__INIT;
    struct query query;
    enum error e = query_read(request, members, &query);
    if (e != ERR_OK)
        return e;
    if (query.cursor[0] != '\0' && !cursor_number(query.cursor, CURSOR_INSTALLS, &list.before))
        return query_refuse_cursor(request);
    list.product = query.product;
    list.lot = query.lot;
    list.station = query.station;
    list.device.data = query.device.bytes;
    list.device.len = query.has_device ? SHA256_SIZE : 0;
    list.result = (Provisiond__InstallResult)query.result;
    list.since_unix_ms = query.since_unix_ms;
    list.until_unix_ms = query.until_unix_ms;
    list.limit = query.limit;
    return ask(request, &list);
}

static enum error start_licenses(struct request *request)
{
    return start_list(request, LICENSE_MEMBERS);
}

static enum error start_installs(struct request *request)
{
    return start_list(request, INSTALL_MEMBERS);
}

static enum error ask_one(struct request *request, struct uuid *install)
{
    Provisiond__InstallListRequest list = PROVISIOND__INSTALL_LIST_REQUEST__INIT;
    list.install_id.data = install->bytes;
    list.install_id.len = UUID_SIZE;
    list.limit = 1;
    return ask(request, &list);
}

static enum error start_license(struct request *request)
{
    struct uuid install;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    if (!uuid_parse(request->match.segment, "lic-", &install))
        return fault_set(&request->fault, ERR_INSTALL_UNKNOWN, "not-a-license",
                         "The path names no license: \"lic-\" and a UUID is one.", 0);
    return ask_one(request, &install);
}

static enum error start_install(struct request *request)
{
    struct uuid install;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    if (!uuid_parse(request->match.segment, "ins-", &install))
        return fault_set(&request->fault, ERR_INSTALL_UNKNOWN, "not-an-install",
                         "The path names no install: \"ins-\" and a UUID is one.", 0);
    return ask_one(request, &install);
}

/* ---- the answer ---- */

static void write_license(struct json_writer *writer, const Provisiond__InstallEntry *entry)
{
    write_uuid(writer, "license_id", "lic-", &entry->install_id);
    write_uuid(writer, "install_id", "ins-", &entry->install_id);
    write_name(writer, "product", entry->product);
    write_name(writer, "profile", entry->profile);
    write_image(writer, "image", &entry->image);
    write_sha256(writer, "device_key", &entry->device);
    write_line_if_any(writer, "device_serial", entry->serial, API_NAME_MAX_BYTES);
    write_name(writer, "station", entry->station);
    write_flag(writer, "charged", entry->charged);
    write_sha256(writer, "license_sha256", &entry->license_digest);
    write_count(writer, "journal_index", entry->journal_index);
    write_time(writer, "issued_at", entry->licensed_unix_ms);
    write_count(writer, "attempts", entry->attempts);
    write_time(writer, "last_attempt_at", entry->attempted_unix_ms);
}

static void write_context(struct json_writer *writer, const Provisiond__LicenseContext *context)
{
    write_object(writer, "context");
    if (context != NULL) {
        write_line_if_any(writer, "lot", context->lot, API_NAME_MAX_BYTES);
        write_line_if_any(writer, "line", context->line, API_NAME_MAX_BYTES);
        write_line_if_any(writer, "work_order", context->work_order, API_NAME_MAX_BYTES);
        write_line_if_any(writer, "operator", context->operator_name, API_NAME_MAX_BYTES);
        write_line_if_any(writer, "socket", context->socket, API_NAME_MAX_BYTES);
    }
    write_end(writer);
}

static void write_result(struct json_writer *writer, const Provisiond__InstallEntry *entry)
{
    bool is_known = entry->result > 0 && (unsigned)entry->result < INSTALL_RESULTS;
    write_word(writer, "result", is_known ? INSTALL_RESULT_NAMES[entry->result] : "",
               INSTALL_RESULT_NAMES + 1, INSTALL_RESULTS - 1);
    if (entry->result == PROVISIOND__INSTALL_RESULT__INSTALL_UNREPORTED)
        return;
    write_line_if_any(writer, "code", entry->code, API_NAME_MAX_BYTES);
    write_line_if_any(writer, "detail", entry->detail, API_DETAIL_MAX_BYTES);
    write_name(writer, "reporter", entry->reporter);
    write_time(writer, "reported_at", entry->reported_unix_ms);
}

static void write_install(struct json_writer *writer, const Provisiond__InstallEntry *entry)
{
    write_license(writer, entry);
    write_context(writer, entry->context);
    write_result(writer, entry);
    write_flag(writer, "proven", entry->proven);
}

/* An entry, in an object that is open. */
typedef void (*write_entry)(struct json_writer *writer, const Provisiond__InstallEntry *entry);

static void write_list(struct json_writer *writer, const Provisiond__InstallListReply *reply,
                       const char *name, write_entry write)
{
    write_array(writer, name);
    for (size_t i = 0; i < reply->n_installs && i < API_PAGE_MAX; i++) {
        write_object(writer, NULL);
        write(writer, reply->installs[i]);
        write_end(writer);
    }
    write_end(writer);
    write_next_number(writer, CURSOR_INSTALLS, reply->next);
}

static enum error write_licenses(struct request *request, const Provisiond__StationReply *reply,
                                 struct json_writer *writer)
{
    (void)request;
    write_list(writer, reply->install_list, "licenses", write_license);
    return ERR_OK;
}

static enum error write_installs(struct request *request, const Provisiond__StationReply *reply,
                                 struct json_writer *writer)
{
    (void)request;
    write_list(writer, reply->install_list, "installs", write_install);
    return ERR_OK;
}

static void write_one(struct json_writer *writer, const Provisiond__InstallListReply *reply,
                      write_entry write)
{
    if (reply->n_installs == 1)
        write(writer, reply->installs[0]);
    else
        write_unsound(writer);
}

static enum error write_one_license(struct request *request, const Provisiond__StationReply *reply,
                                    struct json_writer *writer)
{
    (void)request;
    write_one(writer, reply->install_list, write_license);
    return ERR_OK;
}

static enum error write_one_install(struct request *request, const Provisiond__StationReply *reply,
                                    struct json_writer *writer)
{
    (void)request;
    write_one(writer, reply->install_list, write_install);
    return ERR_OK;
}

#define READ_HANDLER(name, start_step, write_step)               \
    const struct handler name = {                                \
        .start = (start_step),                                   \
        .take = reply_take,                                      \
        .answer = reply_answer,                                  \
        .keeps = PROVISIOND__STATION_REPLY__RESULT_INSTALL_LIST, \
        .write = (write_step),                                   \
    }

READ_HANDLER(LICENSE_LIST_HANDLER, start_licenses, write_licenses);
READ_HANDLER(LICENSE_READ_HANDLER, start_license, write_one_license);
READ_HANDLER(INSTALL_LIST_HANDLER, start_installs, write_installs);
READ_HANDLER(INSTALL_READ_HANDLER, start_install, write_one_install);
