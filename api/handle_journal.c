/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /v1/journal/checkpoint, tile/… and key: the journal in the layout of C2SP tlog-tiles. What a
 * tile's hashes prove is for whoever follows the log; here only its form is checked. Owns no state.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/handler.h"
#include "api/query.h"
#include "api/request.h"
#include "api/steps.h"
#include "journal/tile.h"

#define TILE_FULL_WIDTH  256
#define ENTRY_HEAD_BYTES 2 /* its length, big-endian */
#define ASK_AGAIN        "no-cache"

#define DER_SEQUENCE     0x30
#define PEM_LINE_DIGITS  64
#define PEM_FRAME_BYTES  60 /* its first and last line, line ends, NUL */
#define PEM_SIZE         256
static_assert((API_SPKI_MAX_BYTES + 2) / 3 * 4 + PEM_FRAME_BYTES <= PEM_SIZE, "a key fits its PEM");

static struct bytes bytes_of_message(const ProtobufCBinaryData *data)
{
    return bytes_of(data->data, data->len);
}

/* ---- the checkpoint ---- */

bool checkpoint_is_sound(struct bytes note)
{
    if (note.length == 0 || note.length > API_NOTE_MAX_BYTES || !text_is_utf8(note))
        return false;
    for (size_t i = 0; i < note.length; i++) {
        if (note.data[i] != '\n' && text_has_control(bytes_of(note.data + i, 1)))
            return false;
    }
    return note.data[note.length - 1] == '\n';
}

static enum error start_checkpoint(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__CheckpointRequest checkpoint = PROVISIOND__CHECKPOINT_REQUEST__INIT;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_CHECKPOINT;
    message.checkpoint = &checkpoint;
    return request_ask(request, &message);
}

static enum error take_checkpoint(struct request *request, const Provisiond__StationReply *reply,
                                  int *file)
{
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_CHECKPOINT ||
        !checkpoint_is_sound(bytes_of_message(&reply->checkpoint->note)))
        return request_refuse_reply(request);
    return request_keep_reply(request, bytes_of_message(&reply->checkpoint->note));
}

static enum MHD_Result answer_checkpoint(struct request *request)
{
    return answer_kept(request, "text/plain; charset=utf-8", ASK_AGAIN);
}

const struct handler CHECKPOINT_HANDLER = {
    .start = start_checkpoint, .take = take_checkpoint, .answer = answer_checkpoint};

/* ---- tiles ---- */

static enum error start_tile(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__TileRequest asked = PROVISIOND__TILE_REQUEST__INIT;
    struct tile tile;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    if (!tile_parse(request->match.segment, &tile))
        return fault_set(&request->fault, ERR_ROUTE_UNKNOWN, "not-a-tile",
                         "The path names no tile: a level or \"entries\", the number in groups of "
                         "three digits, and \".p/\" and a width for a partial one.",
                         0);
    request->result.tile.is_entries = tile.is_entries;
    request->result.tile.width = tile.width;
    asked.entries = tile.is_entries;
    asked.level = tile.level;
    asked.index = tile.index;
    asked.width = tile.width;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_TILE;
    message.tile = &asked;
    return request_ask(request, &message);
}

/* Exactly count entries, each with its length before it. */
static bool are_entries(struct bytes data, unsigned count)
{
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        if (data.length - at < ENTRY_HEAD_BYTES)
            return false;
        size_t length = (size_t)data.data[at] << 8 | data.data[at + 1];
        at += ENTRY_HEAD_BYTES;
        if (length == 0 || length > API_LEAF_MAX_BYTES || length > data.length - at)
            return false;
        at += length;
    }
    return at == data.length;
}

static bool is_tile(struct bytes data, const struct tile_result *asked)
{
    return asked->is_entries ? are_entries(data, asked->width)
                             : data.length == (size_t)asked->width * SHA256_SIZE;
}

static enum error take_tile(struct request *request, const Provisiond__StationReply *reply,
                            int *file)
{
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_TILE ||
        !is_tile(bytes_of_message(&reply->tile->data), &request->result.tile))
        return request_refuse_reply(request);
    return request_keep_reply(request, bytes_of_message(&reply->tile->data));
}

static enum MHD_Result answer_tile(struct request *request)
{
    bool is_full = request->result.tile.width == TILE_FULL_WIDTH;
    return answer_kept(request, "application/octet-stream", is_full ? ANSWER_FOR_EVER : ASK_AGAIN);
}

const struct handler TILE_HANDLER = {.start = start_tile, .take = take_tile, .answer = answer_tile};

/* ---- the key ---- */

static enum error start_key(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__JournalKeyRequest key = PROVISIOND__JOURNAL_KEY_REQUEST__INIT;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_JOURNAL_KEY;
    message.journal_key = &key;
    return request_ask(request, &message);
}

/* One DER sequence whose length takes one byte: a P-256 key has 91 bytes. */
static bool is_key(struct bytes der)
{
    return der.length > 2 && der.length <= API_SPKI_MAX_BYTES && der.data[0] == DER_SEQUENCE &&
           (size_t)der.data[1] + 2 == der.length;
}

static enum error keep_pem(struct request *request, struct bytes spki)
{
    char pem[PEM_SIZE] = "-----BEGIN PUBLIC KEY-----\n";
    char *digits = NULL;
    size_t length = strlen(pem);
    if (base64_encode(spki, &digits) != ERR_OK)
        return request_refuse_memory(request);
    for (const char *at = digits; *at != '\0'; at += strnlen(at, PEM_LINE_DIGITS))
        length +=
            (size_t)snprintf(pem + length, sizeof pem - length, "%.*s\n", PEM_LINE_DIGITS, at);
    free(digits);
    length += (size_t)snprintf(pem + length, sizeof pem - length, "-----END PUBLIC KEY-----\n");
    return request_keep_reply(request, bytes_of(pem, length));
}

static enum error take_key(struct request *request, const Provisiond__StationReply *reply,
                           int *file)
{
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_JOURNAL_KEY ||
        !is_key(bytes_of_message(&reply->journal_key->spki)))
        return request_refuse_reply(request);
    return keep_pem(request, bytes_of_message(&reply->journal_key->spki));
}

static enum MHD_Result answer_key(struct request *request)
{
    return answer_kept(request, "application/x-pem-file", ASK_AGAIN);
}

const struct handler KEY_HANDLER = {.start = start_key, .take = take_key, .answer = answer_key};
