/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl grant list and show: the documents that were accepted. Owns no state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "cli/text.h"
#include "core/clock.h"
#include "grant/signed_document.h"

#define ID_SIZE      37 /* a UUID and NUL */
#define GRANT_PREFIX "" /* of an id */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a revocation really took; nothing for another kind. */
static const char *show_taken(const json_t *grant, char out[RECORD_CELL_MAX])
{
    char number[NUMBER_TEXT_SIZE];
    if (strcmp(record_text(grant, "kind"), "revoke") != 0)
        return "";
    (void)snprintf(out, RECORD_CELL_MAX, "%s", text_number(record_number(grant, "taken"), number));
    return out;
}

static const struct record_field GRANT_LIST[] = {
    {"ACCEPTED", "accepted_at", RECORD_TEXT, false, NULL},
    {"KIND", "kind", RECORD_TEXT, false, NULL},
    {"UNITS", "units", RECORD_COUNT, false, NULL},
    {"TAKEN", "taken", RECORD_NUMBER, false, show_taken},
    {"SEQUENCE", "sequence", RECORD_COUNT, true, NULL},
    {"LOT", "lot", RECORD_TEXT, true, NULL},
    {"LEAF", "journal_index", RECORD_NUMBER, false, NULL},
    {"ID", "grant_id", RECORD_TEXT, false, NULL},
    {NULL, "document_sha256", RECORD_TEXT, false, NULL},
};

static const struct record_field GRANT_PAGE[] = {
    {"Id", "grant_id", RECORD_TEXT, false, NULL},
    {"Product", "product", RECORD_TEXT, false, NULL},
    {"Kind", "kind", RECORD_TEXT, false, NULL},
    {"Units", "units", RECORD_COUNT, false, NULL},
    {"Taken", "taken", RECORD_NUMBER, false, show_taken},
    {"Sequence", "sequence", RECORD_COUNT, true, NULL},
    {"Lot", "lot", RECORD_TEXT, true, NULL},
    {"Accepted", "accepted_at", RECORD_TEXT, false, NULL},
    {"Journal leaf", "journal_index", RECORD_NUMBER, false, NULL},
    {"Document SHA-256", "document_sha256", RECORD_TEXT, false, NULL},
    {NULL, "document", RECORD_TEXT, false, NULL},
};

static const struct reading_list LIST = {"grants", "accepted documents", GRANT_LIST,
                                         COUNT(GRANT_LIST), 0};

/* ---- from the vault ---- */

static enum error check_entry(const Provisiond__GrantEntry *entry, struct failure *failure)
{
    struct sha256 document;
    if (entry->grant_id.len != UUID_SIZE)
        return failure_set_plain(
            failure, ERR_INTERNAL,
            "The vault's answer cannot be understood (grant_id). Are the versions equal?");
    return admin_read_digest(entry->document, &document, failure);
}

static json_t *entry_json(const Provisiond__GrantEntry *entry, const char *product)
{
    struct uuid uuid;
    char id[ID_SIZE];
    char accepted[TIMESTAMP_SIZE];
    char document[SHA256_HEX_SIZE];
    memcpy(uuid.bytes, entry->grant_id.data, UUID_SIZE);
    uuid_format(&uuid, GRANT_PREFIX, id, sizeof id);
    timestamp_format(entry->accepted_unix_ms, accepted);
    hex_encode(bytes_of(entry->document.data, SHA256_SIZE), document);
    json_t *object = json_pack("{s:s, s:o, s:o, s:I, s:I, s:s, s:I, s:s}", "grant_id", id,
                               "product", output_text(product), "kind", output_text(entry->kind),
                               "units", (json_int_t)entry->units, "taken", (json_int_t)entry->taken,
                               "accepted_at", accepted, "journal_index",
                               (json_int_t)entry->journal_index, "document_sha256", document);
    if (object != NULL && entry->lot[0] != '\0')
        (void)json_object_set_new(object, "lot", output_text(entry->lot));
    if (object != NULL && entry->sequence != 0)
        (void)json_object_set_new(object, "sequence", json_integer(entry->sequence));
    return object;
}

static enum error read_entries(const Provisiond__GrantListReply *list, const char *product,
                               json_t *grants, struct failure *failure)
{
    enum error e = ERR_OK;
    for (size_t i = 0; i < list->n_grants && e == ERR_OK; i++) {
        e = check_entry(list->grants[i], failure);
        if (e == ERR_OK && json_array_append_new(grants, entry_json(list->grants[i], product)) != 0)
            e = failure_set_memory(failure);
    }
    return e == ERR_OK ? record_check_list(grants, GRANT_LIST, COUNT(GRANT_LIST), failure) : e;
}

static enum error list_by_vault(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__GrantListRequest list = PROVISIOND__GRANT_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    json_t *grants = NULL;
    list.product = (char *)arguments->operands[0];
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_GRANT_LIST;
    request.grant_list = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    grants = json_array();
    e = read_entries(reply->grant_list, list.product, grants, failure);
    if (e == ERR_OK)
        e = reading_show_list(arguments, grants, &LIST, failure);
    json_decref(grants);
    return e;
}

enum error command_grant_list(const struct arguments *arguments, struct failure *failure)
{
    struct query query;
    bool is_rest = false;
    enum error e = reading_is_asked(arguments, &is_rest, failure);
    if (e != ERR_OK)
        return e;
    if (!is_rest)
        return list_by_vault(arguments, failure);
    query_begin(&query, "/v1/grants");
    query_add(&query, "product", arguments->operands[0]);
    return reading_print_list(arguments, &query, &LIST, failure);
}

/* ---- show ---- */

/* The document as it was handed over, whole or not at all. */
static enum error write_document(const struct arguments *arguments, const json_t *grant,
                                 struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    const char *path = arguments_get(arguments, OPTION_DOCUMENT_OUT);
    size_t length = 0;
    uint8_t *document = malloc(SIGNED_DOCUMENT_MAX);
    if (document == NULL)
        return failure_set_memory(failure);
    enum error e = ERR_OK;
    if (base64_decode(record_text(grant, "document"), document, SIGNED_DOCUMENT_MAX, &length) !=
        ERR_OK)
        e = failure_set_plain(
            failure, ERR_INTERNAL,
            "The answer cannot be understood (document). Are the versions equal?");
    if (e == ERR_OK)
        e = file_output_open(path, &output, failure);
    if (e == ERR_OK)
        e = file_output_commit(&output, bytes_of(document, length), failure);
    free(document);
    return e;
}

static enum error print_grant(const struct arguments *arguments, json_t *grant,
                              struct failure *failure)
{
    enum error e = ERR_OK;
    const char *path = arguments_get_or(arguments, OPTION_DOCUMENT_OUT, "");
    if (path[0] != '\0')
        e = write_document(arguments, grant, failure);
    if (e != ERR_OK || strcmp(path, "-") == 0)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_incref(grant), failure);
    return record_print(grant, GRANT_PAGE, COUNT(GRANT_PAGE), failure);
}

enum error command_grant_show(const struct arguments *arguments, struct failure *failure)
{
    json_t *grant = NULL;
    struct uuid id;
    char path[128];
    if (!uuid_parse(arguments->operands[0], GRANT_PREFIX, &id))
        return failure_set_usage(failure, "%s is no document's id; provctl grant list prints them",
                                 arguments->operands[0]);
    (void)snprintf(path, sizeof path, "/v1/grants/%s", arguments->operands[0]);
    enum error e = reading_get(arguments, path, &grant, failure);
    if (e == ERR_OK)
        e = record_check(grant, GRANT_PAGE, COUNT(GRANT_PAGE), failure);
    if (e == ERR_OK)
        e = print_grant(arguments, grant, failure);
    json_decref(grant);
    return e;
}
