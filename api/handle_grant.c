/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POST /v1/grants: what the maker signed goes to the vault as it came; nothing of it is read here.
 * Owns no state.
 */
#include <string.h>

#include "api/answer.h"
#include "api/handler.h"
#include "api/query.h"
#include "api/request.h"

#define GRANT_ID_SIZE 37 /* a UUID, NUL */

/* The reasons of docs/grants.md are the answer's check, those of a bad request too. */
static void locate(struct request *request)
{
    request->shows_check = request->fault.code == ERR_BAD_REQUEST;
}

static enum error start(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__GrantApplyRequest grant = PROVISIOND__GRANT_APPLY_REQUEST__INIT;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    if (request->body_length == 0) {
        request->shows_check = true;
        return fault_set(&request->fault, ERR_BAD_REQUEST, "not-signed-data",
                         "The body is empty: it must be the signed document as it is in its file.",
                         0);
    }
    grant.document.data = request->body;
    grant.document.len = request->body_length;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_GRANT_APPLY;
    message.grant_apply = &grant;
    return request_ask(request, &message);
}

/* ---- the reply ---- */

static bool is_kind(const char *kind)
{
    static const char *const kinds[] = {"install",  "scrap",  "revoke", "policy",
                                        "override", "rebind", "standby"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    }
    return false;
}

static bool are_signers(const Provisiond__GrantApplyReply *reply)
{
    if (reply->n_signers < 1 || reply->n_signers > API_SIGNERS_MAX)
        return false;
    for (size_t i = 0; i < reply->n_signers; i++) {
        if (reply->signers[i].len != SHA256_SIZE)
            return false;
    }
    return true;
}

static bool is_sound(const Provisiond__GrantApplyReply *reply)
{
    return is_kind(reply->kind) && reply->grant_id.len == UUID_SIZE &&
           name_is_valid(reply->product, API_NAME_MAX_BYTES) && reply->taken >= 0 &&
           reply->taken <= reply->units && reply->granted >= 0 && reply->remaining >= 0 &&
           reply->sequence >= 0 && reply->journal_index >= 0 && are_signers(reply);
}

static enum error take(struct request *request, const Provisiond__StationReply *reply, int *file)
{
    struct grant_result *result = &request->result.grant;
    const Provisiond__GrantApplyReply *from = reply->grant_apply;
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_GRANT_APPLY || !is_sound(from))
        return request_refuse_reply(request);
    strcpy(result->kind, from->kind);
    memcpy(result->id.bytes, from->grant_id.data, UUID_SIZE);
    strcpy(result->product, from->product);
    result->units = from->units;
    result->taken = from->taken;
    result->granted = from->granted;
    result->remaining = from->remaining;
    result->sequence = from->sequence;
    result->journal_index = from->journal_index;
    for (size_t i = 0; i < from->n_signers; i++)
        memcpy(result->signers[i].bytes, from->signers[i].data, SHA256_SIZE);
    result->signer_count = from->n_signers;
    return ERR_OK;
}

/* ---- the answer ---- */

/* NULL when memory is out. */
static json_t *signers_json(const struct grant_result *result)
{
    json_t *signers = json_array();
    for (size_t i = 0; i < result->signer_count; i++) {
        char digest[SHA256_HEX_SIZE];
        hex_encode(bytes_of(result->signers[i].bytes, SHA256_SIZE), digest);
        if (json_array_append_new(signers, json_string(digest)) == 0)
            continue;
        json_decref(signers);
        return NULL;
    }
    return signers;
}

static enum MHD_Result answer(struct request *request)
{
    const struct grant_result *result = &request->result.grant;
    char id[GRANT_ID_SIZE];
    uuid_format(&result->id, "", id, sizeof id);
    json_t *json = json_pack(
        "{ss ss ss sI sI sI sI sI sI so}", "kind", result->kind, "grant_id", id, "product",
        result->product, "units", (json_int_t)result->units, "taken", (json_int_t)result->taken,
        "granted", (json_int_t)result->granted, "remaining", (json_int_t)result->remaining,
        "sequence", (json_int_t)result->sequence, "journal_index",
        (json_int_t)result->journal_index, "signers", signers_json(result));
    return answer_json(request, MHD_HTTP_CREATED, json);
}

const struct handler GRANT_HANDLER = {
    .start = start, .take = take, .locate = locate, .answer = answer};
