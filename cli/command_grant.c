/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl grant inspect, apply and list. Owns no state. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/grant_new.h"
#include "cli/output.h"
#include "cli/station.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/clock.h"
#include "grant/signed_document.h"

#define MEDIA_TYPE "application/cms"
#define ID_SIZE    37 /* a UUID */

/* ---- inspect ---- */

/* What there is to say about a file: a signed document, or a grant that nobody signed yet. */
struct inspection {
    struct signed_document *document; /* NULL: not signed */
    struct grant unsigned_grant;
    const struct grant *grant;
    bool is_judged; /* authorities were given */
    struct signers signers;
    struct fault verdict; /* ERR_OK: enough of them signed */
};

static enum error open_document(const char *path, struct inspection *inspection,
                                struct failure *failure)
{
    uint8_t *data = NULL;
    size_t length = 0;
    struct fault fault;
    enum error e = file_input_read_bytes(path, SIGNED_DOCUMENT_MAX, &data, &length, failure);
    if (e != ERR_OK)
        return e;
    struct bytes bytes = bytes_of(data, length);
    if (signed_document_open(bytes, &inspection->document, &fault) == ERR_OK)
        inspection->grant = signed_document_grant(inspection->document);
    else if (grant_read(bytes, &inspection->unsigned_grant, &(struct fault){0}) == ERR_OK)
        inspection->grant = &inspection->unsigned_grant;
    else
        e = failure_set_plain(failure, ERR_BAD_REQUEST, "%s: %s", path, fault.detail);
    free(data);
    return e;
}

static enum error judge(const struct arguments *arguments, struct inspection *inspection,
                        struct failure *failure)
{
    struct authority_set *set = NULL;
    if (!arguments_has(arguments, OPTION_AUTHORITIES))
        return ERR_OK;
    enum error e = grant_read_authorities(arguments, &set, failure);
    if (e != ERR_OK)
        return e;
    inspection->is_judged = true;
    if (inspection->document == NULL)
        (void)fault_set(&inspection->verdict, ERR_GRANT_REFUSED, "too-few-signers",
                        "Nobody signed it.", 0);
    else if (signed_document_check(inspection->document, set, &inspection->signers,
                                   &inspection->verdict) == ERR_OK)
        inspection->verdict = (struct fault){0};
    authority_set_free(set);
    return ERR_OK;
}

static void add_time(struct table *table, const char *name, int64_t unix_ms)
{
    char text[TIMESTAMP_SIZE];
    if (unix_ms == 0)
        return;
    timestamp_format(unix_ms, text);
    table_add_row(table, (const char *[]){name, text});
}

static void add_own(struct table *table, const struct grant *grant)
{
    char number[NUMBER_TEXT_SIZE];
    char text[NUMBER_TEXT_SIZE * 2 + 8];
    if (grant->units > 0)
        table_add_row(table, (const char *[]){"Units", text_number(grant->units, number)});
    if (grant->lot[0] != '\0')
        table_add_row(table, (const char *[]){"Lot", grant->lot});
    if (grant->sequence > 0)
        table_add_row(table, (const char *[]){"Sequence", text_number(grant->sequence, number)});
    if (grant->kind == GRANT_REBIND)
        table_add_row(table, (const char *[]){"Serial", grant->serial});
    if (grant->kind != GRANT_POLICY)
        return;
    table_add_row(table, (const char *[]){"Profile", grant->settings.profile});
    table_add_row(table, (const char *[]){"Policy", grant_policy_name(grant->settings.policy)});
    (void)snprintf(text, sizeof text, "%u of %zu",
                   authority_set_threshold(grant->settings.authorities),
                   authority_set_count(grant->settings.authorities));
    table_add_row(table, (const char *[]){"Signers from then on", text});
}

static const char *signature_words(const struct inspection *inspection)
{
    if (inspection->document == NULL)
        return "none: sign it with openssl cms -sign";
    if (!inspection->is_judged)
        return "not checked: give --authorities and --threshold";
    return inspection->verdict.code == ERR_OK ? "enough authorities signed"
                                              : inspection->verdict.detail;
}

static enum error print_inspection(const struct inspection *inspection, struct failure *failure)
{
    const struct grant *grant = inspection->grant;
    TABLE_AUTO table = table_new_pairs(false);
    char id[ID_SIZE];
    char hsm[SHA256_HEX_SIZE];
    uuid_format(&grant->id, "", id, sizeof id);
    hex_encode(bytes_of(grant->hsm.bytes, SHA256_SIZE), hsm);
    const char *const rows[][2] = {{"Kind", grant_kind_name(grant->kind)},
                                   {"Product", grant->product},
                                   {"Site", grant->site},
                                   {"HSM", hsm},
                                   {"Id", id}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        table_add_row(table, rows[i]);
    add_own(table, grant);
    add_time(table, "Issued", grant->issued_unix_ms);
    add_time(table, "Not before", grant->not_before_unix_ms);
    add_time(table, "Not after", grant->not_after_unix_ms);
    table_add_row(table, (const char *[]){"Signatures", signature_words(inspection)});
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

static enum error print_inspection_json(const struct inspection *inspection,
                                        struct failure *failure)
{
    const struct grant *grant = inspection->grant;
    char id[ID_SIZE];
    char hsm[SHA256_HEX_SIZE];
    uuid_format(&grant->id, "", id, sizeof id);
    hex_encode(bytes_of(grant->hsm.bytes, SHA256_SIZE), hsm);
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:b}", "kind", grant_kind_name(grant->kind),
        "grant_id", id, "product", grant->product, "site", grant->site, "hsm", hsm, "units",
        (json_int_t)grant->units, "sequence", (json_int_t)grant->sequence, "lot",
        output_text(grant->lot), "signed", (int)(inspection->document != NULL));
    if (inspection->is_judged && object != NULL)
        (void)json_object_set_new(object, "valid",
                                  json_boolean(inspection->verdict.code == ERR_OK));
    return output_json(object, failure);
}

enum error command_grant_inspect(const struct arguments *arguments, struct failure *failure)
{
    struct inspection inspection = {.document = NULL};
    enum error e = open_document(arguments->operands[0], &inspection, failure);
    if (e == ERR_OK)
        e = judge(arguments, &inspection, failure);
    if (e == ERR_OK)
        e = arguments_has(arguments, OPTION_JSON) ? print_inspection_json(&inspection, failure)
                                                  : print_inspection(&inspection, failure);
    if (e == ERR_OK && inspection.is_judged && inspection.verdict.code != ERR_OK)
        e = failure_from_fault(failure, &inspection.verdict);
    signed_document_free(inspection.document);
    grant_clear(&inspection.unsigned_grant);
    return e;
}

/* ---- apply ---- */

static json_t *signers_json(const Provisiond__GrantApplyReply *reply)
{
    json_t *array = json_array();
    for (size_t i = 0; i < reply->n_signers; i++) {
        char hex[SHA256_HEX_SIZE] = "";
        if (reply->signers[i].len == SHA256_SIZE)
            hex_encode(bytes_of(reply->signers[i].data, SHA256_SIZE), hex);
        (void)json_array_append_new(array, json_string(hex));
    }
    return array;
}

static enum error print_applied_json(const Provisiond__GrantApplyReply *reply,
                                     struct failure *failure)
{
    struct uuid id = {{0}};
    char text[ID_SIZE];
    if (reply->grant_id.len == UUID_SIZE)
        memcpy(id.bytes, reply->grant_id.data, UUID_SIZE);
    uuid_format(&id, "", text, sizeof text);
    return output_json(json_pack("{s:o, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "kind",
                                 output_text(reply->kind), "grant_id", text, "product",
                                 output_text(reply->product), "units", (json_int_t)reply->units,
                                 "taken", (json_int_t)reply->taken, "granted",
                                 (json_int_t)reply->granted, "remaining",
                                 (json_int_t)reply->remaining, "sequence",
                                 (json_int_t)reply->sequence, "journal_index",
                                 (json_int_t)reply->journal_index, "signers", signers_json(reply)),
                       failure);
}

/* What an accepted document did, for people; from either way of applying. */
struct applied {
    const char *kind;
    const char *product;
    int64_t units;
    int64_t taken;
    int64_t remaining;
    int64_t sequence;
    size_t signers;
};

static void print_applied(const struct applied *applied)
{
    char product[128];
    text_escape(applied->product, product, sizeof product);
    if (strcmp(applied->kind, "install") == 0)
        (void)printf("Accepted: %" PRId64 " units for %s", applied->units, product);
    else if (strcmp(applied->kind, "scrap") == 0)
        (void)printf("Accepted: %" PRId64 " units for scrap of %s", applied->units, product);
    else if (strcmp(applied->kind, "revoke") == 0)
        (void)printf("Accepted: %" PRId64 " of %" PRId64 " units of %s taken back", applied->taken,
                     applied->units, product);
    else if (strcmp(applied->kind, "policy") == 0)
        (void)printf("Accepted: policy %" PRId64 " of %s", applied->sequence, product);
    else if (strcmp(applied->kind, "rebind") == 0)
        (void)printf("Accepted: a device of %s has another key", product);
    else
        (void)printf("Accepted: %s agrees to go on; now run provctl journal override", product);
    (void)printf(", signed by %zu. Remaining: %" PRId64 ".\n", applied->signers,
                 applied->remaining);
}

static enum error apply_locally(const struct arguments *arguments, struct bytes document,
                                struct failure *failure)
{
    Provisiond__GrantApplyRequest apply = PROVISIOND__GRANT_APPLY_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    apply.document =
        (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)document.data, .len = document.length};
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_GRANT_APPLY;
    request.grant_apply = &apply;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    const Provisiond__GrantApplyReply *answer = reply->grant_apply;
    if (arguments_has(arguments, OPTION_JSON))
        return print_applied_json(answer, failure);
    const struct applied applied = {answer->kind,     answer->product,   answer->units,
                                    answer->taken,    answer->remaining, answer->sequence,
                                    answer->n_signers};
    print_applied(&applied);
    return ERR_OK;
}

static enum error apply_remotely(const struct arguments *arguments, struct bytes document,
                                 struct failure *failure)
{
    REST_AUTO rest = NULL;
    struct rest_answer answer = {0};
    const struct rest_body body = {.media_type = MEDIA_TYPE, .data = document};
    enum error e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = rest_post(rest, "/v1/grants", &body, &answer, failure);
    if (e == ERR_OK)
        e = output_json_body(bytes_of(answer.body, answer.length), failure);
    free(answer.body);
    return e;
}

enum error command_grant_apply(const struct arguments *arguments, struct failure *failure)
{
    uint8_t *data = NULL;
    size_t length = 0;
    bool is_remote = arguments_get(arguments, OPTION_URL) != NULL &&
                     !arguments_has(arguments, OPTION_SOCKET) &&
                     !arguments_has(arguments, OPTION_CONFIG);
    enum error e =
        file_input_read_bytes(arguments->operands[0], SIGNED_DOCUMENT_MAX, &data, &length, failure);
    if (e == ERR_OK)
        e = is_remote ? apply_remotely(arguments, bytes_of(data, length), failure)
                      : apply_locally(arguments, bytes_of(data, length), failure);
    free(data);
    return e;
}

/* ---- list ---- */

static json_t *entry_json(const Provisiond__GrantEntry *entry)
{
    struct uuid id = {{0}};
    char text[ID_SIZE];
    char time[TIMESTAMP_SIZE];
    char digest[SHA256_HEX_SIZE] = "";
    if (entry->grant_id.len == UUID_SIZE)
        memcpy(id.bytes, entry->grant_id.data, UUID_SIZE);
    if (entry->document.len == SHA256_SIZE)
        hex_encode(bytes_of(entry->document.data, SHA256_SIZE), digest);
    uuid_format(&id, "", text, sizeof text);
    timestamp_format(entry->accepted_unix_ms, time);
    return json_pack("{s:s, s:o, s:I, s:I, s:o, s:I, s:s, s:s}", "grant_id", text, "kind",
                     output_text(entry->kind), "units", (json_int_t)entry->units, "taken",
                     (json_int_t)entry->taken, "lot", output_text(entry->lot), "sequence",
                     (json_int_t)entry->sequence, "accepted", time, "document", digest);
}

static enum error print_grants_json(const Provisiond__GrantListReply *list, struct failure *failure)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->n_grants; i++)
        (void)json_array_append_new(array, entry_json(list->grants[i]));
    return output_json(json_pack("{s:o}", "grants", array), failure);
}

static enum error print_grants(const Provisiond__GrantListReply *list, struct failure *failure)
{
    static const struct table_column columns[] = {{"ACCEPTED", false}, {"KIND", false},
                                                  {"UNITS", true},     {"TAKEN", true},
                                                  {"SEQUENCE", true},  {"LOT", false}};
    TABLE_AUTO table = table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->n_grants; i++) {
        const Provisiond__GrantEntry *entry = list->grants[i];
        char time[TIMESTAMP_SIZE];
        char units[NUMBER_TEXT_SIZE];
        char taken[NUMBER_TEXT_SIZE];
        char sequence[NUMBER_TEXT_SIZE];
        timestamp_format(entry->accepted_unix_ms, time);
        table_add_row(
            table,
            (const char *[]){
                time, entry->kind, entry->units > 0 ? text_number(entry->units, units) : "",
                strcmp(entry->kind, "revoke") == 0 ? text_number(entry->taken, taken) : "",
                entry->sequence > 0 ? text_number(entry->sequence, sequence) : "", entry->lot});
    }
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
    if (e != ERR_OK)
        return e;
    return arguments_has(arguments, OPTION_JSON) ? print_grants_json(reply->grant_list, failure)
                                                 : print_grants(reply->grant_list, failure);
}
