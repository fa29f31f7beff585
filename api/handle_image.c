/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GET /v1/images and /v1/images/{digest}: images without their bytes. Owns no state. */
#include "api/handler.h"
#include "api/json_writer.h"
#include "api/query.h"
#include "api/reply.h"
#include "api/request.h"
#include "api/steps.h"

#define IV_MAX_BYTES  16
#define TAG_MAX_BYTES 16
#define AAD_MAX_BYTES 32

/* ---- the questions ---- */

static enum error ask(struct request *request, Provisiond__ImageReadRequest *read)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_IMAGE_READ;
    message.image_read = read;
    return request_ask(request, &message);
}

static enum error start_list(struct request *request)
{
    Provisiond__ImageReadRequest read = PROVISIOND__IMAGE_READ_REQUEST__INIT;
    struct query query;
    enum error e = query_read(request, QUERY_PRODUCT, &query);
    if (e != ERR_OK)
        return e;
    read.product = query.product;
    return ask(request, &read);
}

static enum error start_one(struct request *request)
{
    Provisiond__ImageReadRequest read = PROVISIOND__IMAGE_READ_REQUEST__INIT;
    struct sha256 digest;
    enum error e = query_refuse_any(request);
    if (e == ERR_OK)
        e = image_of_path(request, &digest);
    if (e != ERR_OK)
        return e;
    read.image.data = digest.bytes;
    read.image.len = SHA256_SIZE;
    return ask(request, &read);
}

/* ---- the answers ---- */

static void write_entry(struct json_writer *writer, const Provisiond__ImageEntry *entry)
{
    write_image(writer, "image", &entry->image);
    write_name(writer, "product", entry->product);
    write_line(writer, "label", entry->label, API_NAME_MAX_BYTES);
    write_count(writer, "size", entry->size <= INT64_MAX ? (int64_t)entry->size : -1);
    write_flag(writer, "enabled", entry->enabled);
    write_flag(writer, "latest", entry->latest);
    write_time(writer, "created_at", entry->created_unix_ms);
    if (entry->alias[0] != '\0')
        write_name(writer, "alias", entry->alias);
    if (entry->content[0] != '\0')
        write_name(writer, "content", entry->content);
    write_hex_if_any(writer, "iv", &entry->iv, IV_MAX_BYTES);
    write_hex_if_any(writer, "tag", &entry->tag, TAG_MAX_BYTES);
    write_hex_if_any(writer, "aad", &entry->aad, AAD_MAX_BYTES);
}

static enum error write_list(struct request *request, const Provisiond__StationReply *reply,
                             struct json_writer *writer)
{
    const Provisiond__ImageReadReply *from = reply->image_read;
    (void)request;
    write_array(writer, "images");
    for (size_t i = 0; i < from->n_images; i++) {
        write_object(writer, NULL);
        write_entry(writer, from->images[i]);
        write_end(writer);
    }
    write_end(writer);
    return ERR_OK;
}

static enum error write_one(struct request *request, const Provisiond__StationReply *reply,
                            struct json_writer *writer)
{
    if (reply->image_read->n_images == 0)
        return fault_set(&request->fault, ERR_IMAGE_UNKNOWN, "no-image",
                         "No product that this caller may see has an image of that digest.", 0);
    return write_list(request, reply, writer);
}

const struct handler IMAGE_LIST_HANDLER = {
    .start = start_list,
    .take = reply_take,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_IMAGE_READ,
    .write = write_list,
};

const struct handler IMAGE_READ_HANDLER = {
    .start = start_one,
    .take = reply_take,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_IMAGE_READ,
    .write = write_one,
};
