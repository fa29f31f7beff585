/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GET /v1/licenses/{license_id}/receipt. Owns no state. */
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/handler.h"
#include "api/query.h"
#include "api/request.h"
#include "api/steps.h"

/* What request->kept is from take on. */
struct receipt {
    int64_t index;
    int64_t tree_size;
    char leaf[API_LEAF_MAX_BYTES + 1];
    char checkpoint[API_NOTE_MAX_BYTES + 1];
    struct sha256 proof[API_PROOF_MAX_HASHES];
    size_t proof_count;
};

static enum error start(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__ReceiptRequest receipt = PROVISIOND__RECEIPT_REQUEST__INIT;
    struct uuid install;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    if (!uuid_parse(request->match.segment, "lic-", &install))
        return fault_set(&request->fault, ERR_INSTALL_UNKNOWN, "not-a-license",
                         "The path names no license: \"lic-\" and a UUID is one.", 0);
    receipt.install_id.data = install.bytes;
    receipt.install_id.len = UUID_SIZE;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_RECEIPT;
    message.receipt = &receipt;
    return request_ask(request, &message);
}

/* ---- the reply ---- */

static bool is_leaf(const ProtobufCBinaryData *leaf)
{
    struct bytes text = bytes_of(leaf->data, leaf->len);
    return text.length > 0 && text.length <= API_LEAF_MAX_BYTES && !text_has_control(text) &&
           text_is_utf8(text);
}

static bool is_proof(const Provisiond__ReceiptReply *reply)
{
    if (reply->n_proof > API_PROOF_MAX_HASHES)
        return false;
    for (size_t i = 0; i < reply->n_proof; i++) {
        if (reply->proof[i].len != SHA256_SIZE)
            return false;
    }
    return true;
}

static bool is_sound(const Provisiond__ReceiptReply *reply)
{
    return is_leaf(&reply->leaf) && is_proof(reply) && reply->index >= 0 &&
           reply->tree_size > reply->index &&
           checkpoint_is_sound(bytes_of(reply->note.data, reply->note.len));
}

static enum error take(struct request *request, const Provisiond__StationReply *reply, int *file)
{
    const Provisiond__ReceiptReply *from = reply->receipt;
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_RECEIPT || !is_sound(from))
        return request_refuse_reply(request);
    struct receipt *receipt = request->kept = calloc(1, sizeof *receipt);
    if (receipt == NULL)
        return request_refuse_memory(request);
    receipt->index = from->index;
    receipt->tree_size = from->tree_size;
    memcpy(receipt->leaf, from->leaf.data, from->leaf.len);
    memcpy(receipt->checkpoint, from->note.data, from->note.len);
    for (size_t i = 0; i < from->n_proof; i++)
        memcpy(receipt->proof[i].bytes, from->proof[i].data, SHA256_SIZE);
    receipt->proof_count = from->n_proof;
    return ERR_OK;
}

/* ---- the answer ---- */

/* NULL when memory is out. */
static json_t *hash_json(const struct sha256 *hash)
{
    char *text = NULL;
    if (base64_encode(bytes_of(hash->bytes, SHA256_SIZE), &text) != ERR_OK)
        return NULL;
    json_t *json = json_string(text);
    free(text);
    return json;
}

static json_t *proof_json(const struct receipt *receipt)
{
    json_t *proof = json_array();
    for (size_t i = 0; i < receipt->proof_count; i++) {
        if (json_array_append_new(proof, hash_json(&receipt->proof[i])) == 0)
            continue;
        json_decref(proof); /* better none than one that proves nothing */
        return NULL;
    }
    return proof;
}

static enum MHD_Result answer(struct request *request)
{
    const struct receipt *receipt = request->kept;
    json_t *json = json_pack("{ss ss sI sI so ss}", "license_id", request->match.segment, "leaf",
                             receipt->leaf, "index", (json_int_t)receipt->index, "tree_size",
                             (json_int_t)receipt->tree_size, "proof", proof_json(receipt),
                             "checkpoint", receipt->checkpoint);
    return answer_json(request, MHD_HTTP_OK, json);
}

const struct handler RECEIPT_HANDLER = {.start = start, .take = take, .answer = answer};
