/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl grant apply: a signed document goes to the vault, or to provisiond, as it is.
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
#include "cli/grant_signers.h"
#include "cli/output.h"
#include "cli/station.h"
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
    if (e == ERR_GRANT_REFUSED)
        grant_signers_explain(arguments, is_rest, document, failure);
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
    else if (strcmp(answer->kind, "standby") == 0)
        (void)printf("what is said of a standby HSM for %s", product);
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
