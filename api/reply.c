/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Replies of the vault, kept whole. Owns no state. */
#include "api/reply.h"

#include <stdlib.h>

#include "api/answer.h"
#include "api/handler.h"
#include "api/json_writer.h"
#include "api/request.h"

enum error reply_take(struct request *request, const Provisiond__StationReply *reply, int *file)
{
    (void)file;
    if ((int)reply->result_case != request->match.route->handler->keeps)
        return request_refuse_reply(request);
    size_t length = provisiond__station_reply__get_packed_size(reply);
    request->kept = malloc(length);
    if (request->kept == NULL)
        return request_refuse_memory(request);
    request->kept_length = provisiond__station_reply__pack(reply, request->kept);
    return ERR_OK;
}

/* The bytes are what protobuf-c packed before: what cannot be unpacked is memory that is out. */
static enum error write_reply(struct request *request, struct json_writer *writer)
{
    Provisiond__StationReply *reply =
        provisiond__station_reply__unpack(NULL, request->kept_length, request->kept);
    if (reply == NULL)
        return request_refuse_memory(request);
    enum error e = request->match.route->handler->write(request, reply, writer);
    provisiond__station_reply__free_unpacked(reply, NULL);
    if (e == ERR_OK && writer->is_unsound)
        return request_refuse_reply(request);
    return e;
}

enum MHD_Result reply_answer(struct request *request)
{
    struct json_writer writer;
    json_writer_init(&writer);
    if (write_reply(request, &writer) == ERR_OK)
        return answer_json(request, MHD_HTTP_OK, json_writer_take(&writer));
    json_writer_clear(&writer);
    return answer_problem(request);
}

void write_next_number(struct json_writer *writer, enum cursor_list list, int64_t next)
{
    char cursor[CURSOR_SIZE];
    if (next < 0)
        write_unsound(writer);
    if (next <= 0)
        return;
    if (cursor_of_number(list, next, cursor))
        write_line(writer, "next_cursor", cursor, sizeof cursor - 1);
    else
        write_json(writer, "next_cursor", NULL);
}
