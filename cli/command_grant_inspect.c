/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl grant inspect: what a file says, signed or not yet, and what its signatures are worth.
 * Asks nobody. Owns no state.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/authorities.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/grant_page.h"
#include "cli/output.h"
#include "core/clock.h"
#include "grant/signed_document.h"

#define VALUE_MAX 320

struct inspection {
    struct grant unsigned_grant;
    struct signed_document *document; /* NULL: the document before it is signed */
    const struct grant *grant;
    struct authority_set *authorities; /* NULL: nobody to judge by */
    struct document_signer signers[SIGNED_DOCUMENT_SIGNERS_MAX];
    size_t signer_count;
    struct signers counted;
    struct fault verdict; /* of what was judged; ERR_OK: it is signed as it must be */
};

static void inspection_clear(struct inspection *inspection)
{
    signed_document_free(inspection->document);
    grant_clear(&inspection->unsigned_grant);
    authority_set_free(inspection->authorities);
}

/* ---- reading ---- */

static bool is_json(struct bytes data)
{
    size_t i = 0;
    while (i < data.length && isspace(data.data[i]))
        i++;
    return i < data.length && data.data[i] == '{';
}

static enum error read_document(struct bytes data, struct inspection *inspection,
                                struct fault *fault)
{
    if (is_json(data)) {
        inspection->grant = &inspection->unsigned_grant;
        return grant_read(data, &inspection->unsigned_grant, fault);
    }
    enum error e = signed_document_open(data, &inspection->document, fault);
    if (e == ERR_OK)
        inspection->grant = signed_document_grant(inspection->document);
    return e;
}

static enum error read_file(const char *path, struct inspection *inspection,
                            struct failure *failure)
{
    uint8_t *data = NULL;
    size_t length = 0;
    struct fault fault;
    enum error e = file_input_read_bytes(path, SIGNED_DOCUMENT_MAX, &data, &length, failure);
    if (e == ERR_OK && read_document(bytes_of(data, length), inspection, &fault) != ERR_OK)
        e = failure_set_plain(failure, fault.code, "%s: %s", path, fault.detail);
    free(data);
    return e;
}

static enum error read_authorities(const struct arguments *arguments, struct inspection *inspection,
                                   struct failure *failure)
{
    enum error e = authorities_check_options(arguments, failure);
    if (e != ERR_OK || !arguments_has(arguments, OPTION_AUTHORITIES))
        return e;
    return authorities_read(arguments, &inspection->authorities, failure);
}

static void judge(struct inspection *inspection)
{
    struct fault verdict = {.code = ERR_OK};
    if (inspection->document != NULL)
        inspection->signer_count = signed_document_signers(
            inspection->document, inspection->authorities, inspection->signers);
    if (inspection->authorities == NULL)
        return;
    if (inspection->document == NULL)
        (void)fault_set(&verdict, ERR_GRANT_REFUSED, "too-few-signers", "Nobody signed it yet.", 0);
    else if (signed_document_check(inspection->document, inspection->authorities,
                                   &inspection->counted, &verdict) == ERR_OK)
        verdict.code = ERR_OK;
    inspection->verdict = verdict;
}

/* ---- for people ---- */

static const char *explain_state(enum signer_state state)
{
    switch (state) {
    case SIGNER_UNCHECKED:
        return "not checked";
    case SIGNER_STRANGER:
        return "not one of the authorities, does not count";
    case SIGNER_WRONG:
        return "WRONG";
    case SIGNER_HOLDS:
        return "holds";
    }
    return "";
}

static void add_signers(struct table *table, const struct inspection *inspection)
{
    for (size_t i = 0; i < inspection->signer_count; i++) {
        const struct document_signer *signer = &inspection->signers[i];
        char hex[SHA256_HEX_SIZE] = "(its certificate is not in the document)";
        char value[VALUE_MAX];
        if (signer->has_key)
            hex_encode(bytes_of(signer->key.bytes, SHA256_SIZE), hex);
        (void)snprintf(value, sizeof value, "%s  %s%s%s", hex, signer->name,
                       signer->name[0] != '\0' ? ": " : "", explain_state(signer->state));
        table_add_row(table, (const char *[]){"Signed by", value});
    }
}

static void add_verdict(struct table *table, const struct inspection *inspection)
{
    char value[VALUE_MAX];
    if (inspection->document == NULL)
        (void)snprintf(value, sizeof value, "not signed");
    else if (inspection->authorities == NULL)
        (void)snprintf(value, sizeof value, "not checked: give --authorities and --threshold");
    else
        (void)snprintf(value, sizeof value, "%zu of the authorities signed, %u must: %s",
                       inspection->counted.count, authority_set_threshold(inspection->authorities),
                       inspection->verdict.code == ERR_OK ? "it counts" : "it does not count");
    table_add_row(table, (const char *[]){"Signatures", value});
}

static enum error print_page(const struct inspection *inspection, struct failure *failure)
{
    TABLE_AUTO table = table_new_pairs(false);
    grant_page_add(table, inspection->grant, clock_unix_ms());
    add_signers(table, inspection);
    add_verdict(table, inspection);
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

/* ---- for machines ---- */

static json_t *signer_json(const struct document_signer *signer)
{
    static const char *const words[] = {"unchecked", "stranger", "wrong", "holds"};
    char hex[SHA256_HEX_SIZE] = "";
    if (signer->has_key)
        hex_encode(bytes_of(signer->key.bytes, SHA256_SIZE), hex);
    return json_pack("{s:s, s:o, s:s}", "key", hex, "name", output_text(signer->name), "state",
                     words[signer->state]);
}

static json_t *signers_json(const struct inspection *inspection)
{
    json_t *array = json_array();
    for (size_t i = 0; i < inspection->signer_count; i++)
        (void)json_array_append_new(array, signer_json(&inspection->signers[i]));
    return array;
}

/* counts is null when there were no authorities to judge by. */
static enum error print_json(const struct inspection *inspection, struct failure *failure)
{
    json_t *counts = inspection->authorities == NULL
                         ? json_null()
                         : json_boolean(inspection->verdict.code == ERR_OK);
    return output_json(
        json_pack("{s:o, s:b, s:o, s:o, s:s}", "document", grant_page_json(inspection->grant),
                  "signed", (int)(inspection->document != NULL), "signers",
                  signers_json(inspection), "counts", counts, "reason", inspection->verdict.reason),
        failure);
}

/* ---- the command ---- */

/* A document that does not count is shown all the same. */
static enum error report(const struct arguments *arguments, const struct inspection *inspection,
                         struct failure *failure)
{
    enum error e = arguments_has(arguments, OPTION_JSON) ? print_json(inspection, failure)
                                                         : print_page(inspection, failure);
    if (e != ERR_OK || inspection->verdict.code == ERR_OK)
        return e;
    e = failure_set_plain(failure, inspection->verdict.code, "%s does not count: %s",
                          arguments->operands[0], inspection->verdict.detail);
    failure->is_told = true;
    return e;
}

enum error command_grant_inspect(const struct arguments *arguments, struct failure *failure)
{
    struct inspection inspection = {.document = NULL};
    enum error e = read_authorities(arguments, &inspection, failure);
    if (e == ERR_OK)
        e = read_file(arguments->operands[0], &inspection, failure);
    if (e == ERR_OK) {
        judge(&inspection);
        e = report(arguments, &inspection, failure);
    }
    inspection_clear(&inspection);
    return e;
}
