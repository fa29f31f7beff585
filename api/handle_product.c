/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GET /v1/products, one of them, and its policy. Owns no state. */
#include <string.h>

#include <jansson.h>

#include "api/handler.h"
#include "api/json_writer.h"
#include "api/query.h"
#include "api/reply.h"
#include "api/request.h"

#define SUBJECT_MAX_BYTES 256 /* an authority's name */

/* ---- the questions ---- */

static enum error ask_products(struct request *request, char *name)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__ProductReadRequest read = PROVISIOND__PRODUCT_READ_REQUEST__INIT;
    read.name = name;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_PRODUCT_READ;
    message.product_read = &read;
    return request_ask(request, &message);
}

static enum error start_list(struct request *request)
{
    char all[] = "";
    enum error e = query_refuse_any(request);
    return e == ERR_OK ? ask_products(request, all) : e;
}

static enum error check_product(struct request *request)
{
    enum error e = query_refuse_any(request);
    if (e == ERR_OK && !name_is_valid(request->match.segment, API_NAME_MAX_BYTES))
        return fault_set(&request->fault, ERR_PRODUCT_UNKNOWN, "not-a-product",
                         "The path names no product.", 0);
    return e;
}

static enum error start_one(struct request *request)
{
    enum error e = check_product(request);
    return e == ERR_OK ? ask_products(request, request->match.segment) : e;
}

static enum error start_policy(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__PolicyReadRequest read = PROVISIOND__POLICY_READ_REQUEST__INIT;
    enum error e = check_product(request);
    if (e != ERR_OK)
        return e;
    read.product = request->match.segment;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_POLICY_READ;
    message.policy_read = &read;
    return request_ask(request, &message);
}

/* ---- the answers ---- */

static void write_unit_policy(struct json_writer *writer, const char *policy)
{
    static const char *const words[] = {"per-device", "per-license"};
    write_word(writer, "policy", policy, words, sizeof words / sizeof words[0]);
}

static void write_state(struct json_writer *writer, const Provisiond__ProductEntry *entry)
{
    static const char *const words[] = {"ok", "tampered", "unchecked"};
    write_word(writer, "state", entry->state, words, sizeof words / sizeof words[0]);
    write_line_if_any(writer, "state_detail", entry->state_detail, FAULT_DETAIL_SIZE - 1);
}

static void write_members(struct json_writer *writer, const Provisiond__ProductEntry *entry)
{
    write_array(writer, "authorities");
    for (size_t i = 0; i < entry->n_members; i++) {
        write_object(writer, NULL);
        write_sha256(writer, "key", &entry->members[i]->key);
        write_line(writer, "name", entry->members[i]->name, SUBJECT_MAX_BYTES);
        write_end(writer);
    }
    write_end(writer);
}

static void write_digest_if_any(struct json_writer *writer, const char *name,
                                const ProtobufCBinaryData *digest)
{
    if (digest->len > 0)
        write_sha256(writer, name, digest);
}

/* Who may change a governed product; a list of products does not name them. A vault that could not
 * check the product yet knows nobody. */
static void write_governance(struct json_writer *writer, const Provisiond__ProductEntry *entry)
{
    if (!entry->governed)
        return;
    write_count(writer, "sequence", entry->sequence);
    if (entry->threshold > 0)
        write_count(writer, "threshold", entry->threshold);
    if (entry->n_members > API_SIGNERS_MAX || entry->threshold > API_SIGNERS_MAX ||
        (entry->n_members > 0 && (entry->threshold < 1 || entry->threshold > entry->n_members)))
        write_unsound(writer);
    else if (entry->n_members > 0)
        write_members(writer, entry);
    write_digest_if_any(writer, "authorities_sha256", &entry->authorities);
    write_digest_if_any(writer, "first_authorities_sha256", &entry->first_authorities);
}

static const char *const WRAPPINGS[] = {"token", "host", "exposed"};

/* Of a product that asks for revocation lists, or has some. */
static void write_crls(struct json_writer *writer, const Provisiond__ProductEntry *entry)
{
    if (!entry->crls_wanted && entry->crls == 0)
        return;
    write_count(writer, "crls", entry->crls);
    if (entry->crls_until_unix_ms != 0)
        write_time(writer, "crls_valid_until", entry->crls_until_unix_ms);
}

static void write_product(struct json_writer *writer, const Provisiond__ProductEntry *entry)
{
    write_name(writer, "name", entry->name);
    write_name(writer, "profile", entry->profile);
    write_unit_policy(writer, entry->policy);
    write_flag(writer, "enabled", entry->enabled);
    write_flag(writer, "governed", entry->governed);
    write_state(writer, entry);
    write_count(writer, "granted", entry->quota);
    write_count(writer, "charged", entry->used);
    if (entry->quota < entry->used)
        write_unsound(writer);
    else
        write_count(writer, "remaining", entry->quota - entry->used);
    write_count(writer, "attempts_max", entry->attempts_max);
    write_flag(writer, "session_key_exposure", entry->allow_session_key_exposure);
    if (entry->wrapping[0] != '\0')
        write_word(writer, "wrapping", entry->wrapping, WRAPPINGS,
                   sizeof WRAPPINGS / sizeof WRAPPINGS[0]);
    write_crls(writer, entry);
    write_governance(writer, entry);
}

static enum error write_products(struct request *request, const Provisiond__StationReply *reply,
                                 struct json_writer *writer)
{
    const Provisiond__ProductReadReply *from = reply->product_read;
    (void)request;
    write_array(writer, "products");
    for (size_t i = 0; i < from->n_products; i++) {
        write_object(writer, NULL);
        write_product(writer, from->products[i]);
        write_end(writer);
    }
    write_end(writer);
    return ERR_OK;
}

static enum error write_one(struct request *request, const Provisiond__StationReply *reply,
                            struct json_writer *writer)
{
    (void)request;
    if (reply->product_read->n_products == 1)
        write_product(writer, reply->product_read->products[0]);
    else
        write_unsound(writer);
    return ERR_OK;
}

/* The vault keeps them as JSON text. */
static void write_options(struct json_writer *writer, const char *options)
{
    if (options[0] == '\0')
        return;
    json_t *json = json_loads(options, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(json)) {
        write_json(writer, "options", json);
        return;
    }
    json_decref(json);
    write_unsound(writer);
}

static enum error write_policy(struct request *request, const Provisiond__StationReply *reply,
                               struct json_writer *writer)
{
    const Provisiond__ProductEntry *entry = reply->policy_read->product;
    (void)request;
    if (entry == NULL) {
        write_unsound(writer);
        return ERR_OK;
    }
    write_name(writer, "product", entry->name);
    write_name(writer, "profile", entry->profile);
    write_unit_policy(writer, entry->policy);
    write_flag(writer, "session_key_exposure", entry->allow_session_key_exposure);
    write_count(writer, "attempts_max", entry->attempts_max);
    write_options(writer, entry->options);
    write_flag(writer, "governed", entry->governed);
    write_governance(writer, entry);
    write_lines(writer, "anchors", &reply->policy_read->anchors, API_ANCHORS_MAX_BYTES);
    return ERR_OK;
}

const struct handler PRODUCT_LIST_HANDLER = {
    .start = start_list,
    .take = reply_take,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_PRODUCT_READ,
    .write = write_products,
};

const struct handler PRODUCT_READ_HANDLER = {
    .start = start_one,
    .take = reply_take,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_PRODUCT_READ,
    .write = write_one,
};

const struct handler POLICY_HANDLER = {
    .start = start_policy,
    .take = reply_take,
    .answer = reply_answer,
    .keeps = PROVISIOND__STATION_REPLY__RESULT_POLICY_READ,
    .write = write_policy,
};
