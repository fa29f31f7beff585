/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /v1/products/{product}/usage/lots, days and stations: rows by a key, in pages. Owns no state.
 */
#include <string.h>

#include "api/handler.h"
#include "api/json_writer.h"
#include "api/query.h"
#include "api/reply.h"
#include "api/request.h"

/* ---- the question ---- */

static enum error ask(struct request *request, enum cursor_list list, Provisiond__UsageKey by)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__UsageByRequest usage = PROVISIOND__USAGE_BY_REQUEST__INIT;
    struct query query;
    char after[API_NAME_SIZE] = "";
    enum error e = query_read(request, QUERY_PAGE | QUERY_TIMES, &query);
    if (e != ERR_OK)
        return e;
    usage.has_after = query.cursor[0] != '\0';
    if (usage.has_after && !cursor_text(query.cursor, list, after))
        return query_refuse_cursor(request);
    if (!name_is_valid(request->match.segment, API_NAME_MAX_BYTES))
        return fault_set(&request->fault, ERR_PRODUCT_UNKNOWN, "not-a-product",
                         "The path names no product.", 0);
    usage.product = request->match.segment;
    usage.by = by;
    usage.since_unix_ms = query.since_unix_ms;
    usage.until_unix_ms = query.until_unix_ms;
    usage.after = after;
    usage.limit = query.limit;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_USAGE_BY;
    message.usage_by = &usage;
    return request_ask(request, &message);
}

static enum error start_lots(struct request *request)
{
    return ask(request, CURSOR_LOTS, PROVISIOND__USAGE_KEY__USAGE_BY_LOT);
}

static enum error start_days(struct request *request)
{
    return ask(request, CURSOR_DAYS, PROVISIOND__USAGE_KEY__USAGE_BY_DAY);
}

static enum error start_stations(struct request *request)
{
    return ask(request, CURSOR_STATIONS, PROVISIOND__USAGE_KEY__USAGE_BY_STATION);
}

/* More installs than can be summed: a shorter time has fewer. */
static void locate(struct request *request)
{
    if (request->fault.code == ERR_BAD_REQUEST)
        strcpy(request->path.text, "?since");
}

/* ---- the answer ---- */

static void write_row(struct json_writer *writer, const char *key, const Provisiond__UsageRow *row)
{
    write_object(writer, NULL);
    write_line(writer, key, row->key, API_NAME_MAX_BYTES);
    write_count(writer, "charged", row->charged);
    write_count(writer, "licensed", row->licensed);
    write_count(writer, "attempts", row->attempts);
    write_count(writer, "succeeded", row->succeeded);
    write_count(writer, "failed", row->failed);
    write_count(writer, "scrapped", row->scrapped);
    write_count(writer, "unreported", row->unreported);
    write_count(writer, "proven", row->proven);
    write_end(writer);
}

static void write_rows(const Provisiond__UsageByReply *reply, struct json_writer *writer,
                       const char *key, enum cursor_list list)
{
    char cursor[CURSOR_SIZE];
    if (reply->n_rows > API_PAGE_MAX || (reply->more && reply->n_rows == 0)) {
        write_unsound(writer);
        return;
    }
    write_array(writer, "rows");
    for (size_t i = 0; i < reply->n_rows; i++)
        write_row(writer, key, reply->rows[i]);
    write_end(writer);
    if (!reply->more || writer->is_unsound)
        return;
    if (cursor_of_text(list, reply->rows[reply->n_rows - 1]->key, cursor))
        write_line(writer, "next_cursor", cursor, sizeof cursor - 1);
    else
        write_json(writer, "next_cursor", NULL);
}

static enum error write_lots(struct request *request, const Provisiond__StationReply *reply,
                             struct json_writer *writer)
{
    (void)request;
    write_rows(reply->usage_by, writer, "lot", CURSOR_LOTS);
    return ERR_OK;
}

static enum error write_days(struct request *request, const Provisiond__StationReply *reply,
                             struct json_writer *writer)
{
    (void)request;
    write_rows(reply->usage_by, writer, "day", CURSOR_DAYS);
    return ERR_OK;
}

static enum error write_stations(struct request *request, const Provisiond__StationReply *reply,
                                 struct json_writer *writer)
{
    (void)request;
    write_rows(reply->usage_by, writer, "station", CURSOR_STATIONS);
    return ERR_OK;
}

const struct handler USAGE_LOTS_HANDLER = {
    .start = start_lots,
    .take = reply_take,
    .locate = locate,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_USAGE_BY,
    .write = write_lots,
};

const struct handler USAGE_DAYS_HANDLER = {
    .start = start_days,
    .take = reply_take,
    .locate = locate,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_USAGE_BY,
    .write = write_days,
};

const struct handler USAGE_STATIONS_HANDLER = {
    .start = start_stations,
    .take = reply_take,
    .locate = locate,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_USAGE_BY,
    .write = write_stations,
};
