/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl grant apply and list: signed documents go to the vault, or to provisiond, as they are.
 * Owns no state.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/output.h"
#include "cli/station.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/clock.h"
#include "grant/signed_document.h"

#define MEDIA_TYPE "application/cms"
#define GRANTS     "/v1/grants"
#define ID_SIZE    37 /* a UUID and NUL */

static enum error fail_answer(struct failure *failure, const char *wrong)
{
    return failure_set_plain(
        failure, ERR_INTERNAL,
        "The vault's answer cannot be understood (%s). Are the versions equal?", wrong);
}

/* False unless it is 16 bytes long. */
static bool format_id(ProtobufCBinaryData data, char out[ID_SIZE])
{
    struct uuid id;
    if (data.len != UUID_SIZE)
        return false;
    memcpy(id.bytes, data.data, UUID_SIZE);
    uuid_format(&id, "", out, ID_SIZE);
    return true;
}

/* ---- apply ---- */

static bool take_texts(const Provisiond__GrantApplyReply *reply, struct answer_grant *answer)
{
    if (!name_is_valid(reply->kind, ANSWER_WORD_MAX) ||
        !name_is_valid(reply->product, ANSWER_ID_MAX) || !format_id(reply->grant_id, answer->id))
        return false;
    strcpy(answer->kind, reply->kind);
    strcpy(answer->product, reply->product);
    return true;
}

static bool take_signers(const Provisiond__GrantApplyReply *reply, struct answer_grant *answer)
{
    if (reply->n_signers > ANSWER_SIGNERS_MAX)
        return false;
    for (size_t i = 0; i < reply->n_signers; i++) {
        if (reply->signers[i].len != SHA256_SIZE)
            return false;
        memcpy(answer->signers[i].bytes, reply->signers[i].data, SHA256_SIZE);
    }
    answer->signer_count = reply->n_signers;
    return true;
}

static enum error read_reply(const Provisiond__GrantApplyReply *reply,
                             struct answer_grant *ret_answer, struct failure *failure)
{
    struct answer_grant answer = {.units = reply->units,
                                  .taken = reply->taken,
                                  .granted = reply->granted,
                                  .remaining = reply->remaining,
                                  .sequence = reply->sequence,
                                  .journal_index = reply->journal_index};
    if (!take_texts(reply, &answer))
        return fail_answer(failure, "kind, product or grant_id");
    if (!take_signers(reply, &answer))
        return fail_answer(failure, "signers");
    *ret_answer = answer;
    return ERR_OK;
}

static enum error ask_vault(const struct arguments *arguments, struct bytes document,
                            struct answer_grant *ret_answer, struct failure *failure)
{
    Provisiond__GrantApplyRequest apply = PROVISIOND__GRANT_APPLY_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    apply.document =
        (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)document.data, .len = document.length};
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_GRANT_APPLY;
    request.grant_apply = &apply;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    return e == ERR_OK ? read_reply(reply->grant_apply, ret_answer, failure) : e;
}

static enum error ask_server(const struct arguments *arguments, struct bytes document,
                             struct answer_grant *ret_answer, struct failure *failure)
{
    REST_AUTO rest = NULL;
    struct rest_answer answer = {0};
    const struct rest_body body = {.media_type = MEDIA_TYPE, .data = document};
    enum error e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = rest_post(rest, GRANTS, &body, &answer, failure);
    if (e == ERR_OK)
        e = answer_read_grant(bytes_of(answer.body, answer.length), ret_answer, failure);
    free(answer.body);
    return e;
}

static enum error ask(const struct arguments *arguments, struct bytes document,
                      struct answer_grant *ret_answer, struct failure *failure)
{
    bool is_rest = false;
    enum error e = station_is_asked(arguments, &is_rest, failure);
    if (e != ERR_OK)
        return e;
    e = is_rest ? ask_server(arguments, document, ret_answer, failure)
                : ask_vault(arguments, document, ret_answer, failure);
    if (e == ERR_CONFLICT && strcmp(failure->check, "grant-used") == 0)
        (void)snprintf(failure->advice, sizeof failure->advice,
                       "When an answer to it was lost, it counts all the same: see provctl grant "
                       "list.");
    return e;
}

static json_t *signers_json(const struct answer_grant *answer)
{
    json_t *array = json_array();
    char hex[SHA256_HEX_SIZE];
    for (size_t i = 0; i < answer->signer_count; i++) {
        hex_encode(bytes_of(answer->signers[i].bytes, SHA256_SIZE), hex);
        (void)json_array_append_new(array, json_string(hex));
    }
    return array;
}

/* The members of POST /v1/grants. */
static enum error print_answer_json(const struct answer_grant *answer, struct failure *failure)
{
    return output_json(
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "kind", answer->kind,
                  "grant_id", answer->id, "product", answer->product, "units",
                  (json_int_t)answer->units, "taken", (json_int_t)answer->taken, "granted",
                  (json_int_t)answer->granted, "remaining", (json_int_t)answer->remaining,
                  "sequence", (json_int_t)answer->sequence, "journal_index",
                  (json_int_t)answer->journal_index, "signers", signers_json(answer)),
        failure);
}

static void print_what_was_accepted(const struct answer_grant *answer)
{
    const char *product = answer->product; /* a name: nothing in it to escape */
    if (strcmp(answer->kind, "install") == 0)
        (void)printf("%" PRId64 " units for %s", answer->units, product);
    else if (strcmp(answer->kind, "scrap") == 0)
        (void)printf("%" PRId64 " units for scrapped devices of %s", answer->units, product);
    else if (strcmp(answer->kind, "revoke") == 0)
        (void)printf("%" PRId64 " of %" PRId64 " units taken back from %s", answer->taken,
                     answer->units, product);
    else if (strcmp(answer->kind, "policy") == 0)
        (void)printf("policy %" PRId64 " of %s", answer->sequence, product);
    else if (strcmp(answer->kind, "rebind") == 0)
        (void)printf("another key for a device of %s", product);
    else
        (void)printf("%s for %s", answer->kind, product);
}

static void print_answer(const struct answer_grant *answer)
{
    (void)fputs("Accepted: ", stdout);
    print_what_was_accepted(answer);
    (void)printf(", signed by %zu. Remaining: %" PRId64 ".\n", answer->signer_count,
                 answer->remaining);
    if (strcmp(answer->kind, "override") == 0)
        (void)puts("When every governed product has its own, run provctl journal override.");
}

enum error command_grant_apply(const struct arguments *arguments, struct failure *failure)
{
    struct answer_grant answer;
    uint8_t *data = NULL;
    size_t length = 0;
    enum error e =
        file_input_read_bytes(arguments->operands[0], SIGNED_DOCUMENT_MAX, &data, &length, failure);
    if (e == ERR_OK)
        e = ask(arguments, bytes_of(data, length), &answer, failure);
    free(data);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return print_answer_json(&answer, failure);
    print_answer(&answer);
    return ERR_OK;
}

/* ---- list ---- */

static enum error check_entries(const Provisiond__GrantListReply *list, struct failure *failure)
{
    char id[ID_SIZE];
    struct sha256 document;
    enum error e = ERR_OK;
    for (size_t i = 0; i < list->n_grants && e == ERR_OK; i++) {
        e = admin_read_digest(list->grants[i]->document, &document, failure);
        if (e == ERR_OK && !format_id(list->grants[i]->grant_id, id))
            e = fail_answer(failure, "grant_id");
    }
    return e;
}

static json_t *entry_json(const Provisiond__GrantEntry *entry)
{
    char id[ID_SIZE] = "";
    char accepted[TIMESTAMP_SIZE];
    char document[SHA256_HEX_SIZE];
    (void)format_id(entry->grant_id, id);
    timestamp_format(entry->accepted_unix_ms, accepted);
    hex_encode(bytes_of(entry->document.data, SHA256_SIZE), document);
    return json_pack("{s:s, s:o, s:I, s:I, s:o, s:I, s:s, s:s}", "grant_id", id, "kind",
                     output_text(entry->kind), "units", (json_int_t)entry->units, "taken",
                     (json_int_t)entry->taken, "lot", output_text(entry->lot), "sequence",
                     (json_int_t)entry->sequence, "accepted", accepted, "document", document);
}

static enum error print_entries_json(const Provisiond__GrantListReply *list,
                                     struct failure *failure)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->n_grants; i++)
        (void)json_array_append_new(array, entry_json(list->grants[i]));
    return output_json(json_pack("{s:o}", "grants", array), failure);
}

/* A number that a kind does not have is left out. */
static const char *number_if(bool is_there, int64_t value, char out[NUMBER_TEXT_SIZE])
{
    return is_there ? text_number(value, out) : "";
}

static void add_entry(struct table *table, const Provisiond__GrantEntry *entry)
{
    char id[ID_SIZE] = "";
    char accepted[TIMESTAMP_SIZE];
    char units[NUMBER_TEXT_SIZE];
    char taken[NUMBER_TEXT_SIZE];
    char sequence[NUMBER_TEXT_SIZE];
    (void)format_id(entry->grant_id, id);
    timestamp_format(entry->accepted_unix_ms, accepted);
    const char *const cells[] = {accepted,
                                 entry->kind,
                                 number_if(entry->units != 0, entry->units, units),
                                 number_if(strcmp(entry->kind, "revoke") == 0, entry->taken, taken),
                                 number_if(entry->sequence != 0, entry->sequence, sequence),
                                 entry->lot,
                                 id};
    table_add_row(table, cells);
}

static enum error print_entries(const Provisiond__GrantListReply *list, struct failure *failure)
{
    static const struct table_column columns[] = {
        {"ACCEPTED", false}, {"KIND", false}, {"UNITS", true}, {"TAKEN", true},
        {"SEQUENCE", true},  {"LOT", false},  {"ID", false}};
    TABLE_AUTO table = table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->n_grants; i++)
        add_entry(table, list->grants[i]);
    output_note_empty(list->n_grants, "accepted documents");
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

enum error command_grant_list(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__GrantListRequest list = PROVISIOND__GRANT_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    list.product = (char *)arguments->operands[0];
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_GRANT_LIST;
    request.grant_list = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        e = check_entries(reply->grant_list, failure);
    if (e != ERR_OK)
        return e;
    return arguments_has(arguments, OPTION_JSON) ? print_entries_json(reply->grant_list, failure)
                                                 : print_entries(reply->grant_list, failure);
}
