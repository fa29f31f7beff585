/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl journal verify: what the auditor holds, read and given to the offline judge. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "audit/verify.h"
#include "cli/audit_progress.h"
#include "cli/authorities.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/verify_report.h"
#include "journal/export.h"

#define KEY_MAX_BYTES      ((size_t)4096)
#define NOTE_MAX_BYTES     ((size_t)CHECKPOINT_NOTE_MAX - 1)
#define RECEIPTS_MAX_BYTES ((size_t)16 * 1024 * 1024)

/* What the auditor holds, in memory. */
struct holdings {
    struct audit_request request;
    uint8_t *since;
    char note[CHECKPOINT_NOTE_MAX]; /* of an older export */
    uint8_t *receipt_file;
    struct bytes *receipts; /* each owned when the file holds an array */
    bool owns_receipts;
    char key[KEY_MAX_BYTES + 1];
    uint8_t challenge[EXPORT_CHALLENGE_MAX];
    struct sha256 authorities;
};

static void holdings_clear(struct holdings *holdings)
{
    for (size_t i = 0; holdings->owns_receipts && i < holdings->request.receipt_count; i++)
        free((void *)(uintptr_t)holdings->receipts[i].data);
    free(holdings->receipts);
    free(holdings->receipt_file);
    free(holdings->since);
}

/* ---- reading ---- */

static enum error read_key(const struct arguments *arguments, struct holdings *holdings,
                           struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_PUBLIC_KEY);
    uint8_t *text = NULL;
    size_t length = 0;
    enum error e = file_input_read_bytes(path, KEY_MAX_BYTES, &text, &length, failure);
    if (e != ERR_OK)
        return e;
    memcpy(holdings->key, text, length);
    free(text);
    if (memchr(holdings->key, '\0', length) != NULL || strstr(holdings->key, "PRIVATE KEY") != NULL)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "%s is no public key in PEM: take the checkpoint.pub.pem that "
                                 "provctl hsm init --out-dir wrote",
                                 path);
    holdings->request.key_pem = holdings->key;
    return ERR_OK;
}

/* Whoever kept the older export has its checkpoint too. */
static enum error read_since_export(const char *path, struct holdings *holdings,
                                    struct failure *failure)
{
    struct export_file *file = NULL;
    struct fault fault;
    if (export_open(path, NULL, NULL, &file, &fault) != ERR_OK)
        return failure_set_plain(failure, fault.code, "%s: %s", path, fault.detail);
    (void)strcpy(holdings->note, export_header(file)->checkpoint);
    holdings->request.since = bytes_of(holdings->note, strlen(holdings->note));
    export_close(file);
    return ERR_OK;
}

static bool is_export(const char *path)
{
    static const char MAGIC[] = "provisiond-journal/";
    char begin[sizeof MAGIC] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t length = fread(begin, 1, sizeof MAGIC - 1, file);
    (void)fclose(file);
    return length == sizeof MAGIC - 1 && memcmp(begin, MAGIC, length) == 0;
}

static enum error read_since(const struct arguments *arguments, struct holdings *holdings,
                             struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_SINCE);
    size_t length = 0;
    if (path == NULL)
        return ERR_OK;
    if (is_export(path))
        return read_since_export(path, holdings, failure);
    enum error e = file_input_read_bytes(path, NOTE_MAX_BYTES, &holdings->since, &length, failure);
    if (e == ERR_OK)
        holdings->request.since = bytes_of(holdings->since, length);
    return e;
}

/* A file of several receipts is an array of them. */
static enum error split_receipts(struct holdings *holdings, const json_t *array,
                                 struct failure *failure)
{
    size_t count = json_array_size(array);
    holdings->receipts = calloc(count + 1, sizeof *holdings->receipts);
    holdings->owns_receipts = true;
    for (size_t i = 0; i < count && holdings->receipts != NULL; i++) {
        char *text = json_dumps(json_array_get(array, i), JSON_COMPACT | JSON_ENCODE_ANY);
        if (text == NULL)
            return failure_set_memory(failure);
        holdings->receipts[i] = bytes_of(text, strlen(text));
        holdings->request.receipt_count++;
    }
    return holdings->receipts != NULL ? ERR_OK : failure_set_memory(failure);
}

static enum error keep_receipt(struct holdings *holdings, size_t length, struct failure *failure)
{
    holdings->receipts = calloc(1, sizeof *holdings->receipts);
    if (holdings->receipts == NULL)
        return failure_set_memory(failure);
    holdings->receipts[0] = bytes_of(holdings->receipt_file, length);
    holdings->request.receipt_count = 1;
    return ERR_OK;
}

static enum error read_receipts(const struct arguments *arguments, struct holdings *holdings,
                                struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_RECEIPT);
    size_t length = 0;
    if (path == NULL)
        return ERR_OK;
    enum error e =
        file_input_read_bytes(path, RECEIPTS_MAX_BYTES, &holdings->receipt_file, &length, failure);
    if (e != ERR_OK)
        return e;
    json_t *json =
        json_loadb((const char *)holdings->receipt_file, length, JSON_REJECT_DUPLICATES, NULL);
    e = json_is_array(json) ? split_receipts(holdings, json, failure)
                            : keep_receipt(holdings, length, failure);
    json_decref(json);
    holdings->request.receipts = holdings->receipts;
    return e;
}

static enum error read_challenge(const struct arguments *arguments, struct holdings *holdings,
                                 struct failure *failure)
{
    const char *hex = arguments_get(arguments, OPTION_CHALLENGE);
    size_t length = hex != NULL ? strlen(hex) / 2 : 0;
    if (hex == NULL)
        return ERR_OK;
    if (length < EXPORT_CHALLENGE_MIN || length > EXPORT_CHALLENGE_MAX ||
        !hex_decode(hex, holdings->challenge, length))
        return failure_set_usage(failure,
                                 "--challenge wants the nonce that was given to journal export: %d "
                                 "to %d bytes in lower-case hex",
                                 EXPORT_CHALLENGE_MIN, EXPORT_CHALLENGE_MAX);
    holdings->request.challenge = bytes_of(holdings->challenge, length);
    return ERR_OK;
}

static enum error read_authorities(const struct arguments *arguments, struct holdings *holdings,
                                   struct failure *failure)
{
    struct authority_set *set = NULL;
    enum error e = authorities_check_options(arguments, failure);
    if (e != ERR_OK || !arguments_has(arguments, OPTION_AUTHORITIES))
        return e;
    e = authorities_read(arguments, &set, failure);
    if (e != ERR_OK)
        return e;
    holdings->authorities = authority_set_digest(set);
    holdings->request.authorities = &holdings->authorities;
    authority_set_free(set);
    return ERR_OK;
}

static enum error read_holdings(const struct arguments *arguments, struct holdings *holdings,
                                struct failure *failure)
{
    holdings->request.path = arguments->operands[0];
    enum error e = read_challenge(arguments, holdings, failure);
    if (e == ERR_OK)
        e = read_authorities(arguments, holdings, failure);
    if (e == ERR_OK)
        e = read_key(arguments, holdings, failure);
    if (e == ERR_OK)
        e = read_since(arguments, holdings, failure);
    return e == ERR_OK ? read_receipts(arguments, holdings, failure) : e;
}

/* ---- judging ---- */

static enum error verify(struct holdings *holdings, struct audit_report *ret_report,
                         struct failure *failure)
{
    struct audit_progress progress;
    struct fault fault;
    holdings->request.on_progress = audit_progress_begin(&progress);
    holdings->request.progress_context = &progress;
    enum error e = audit_verify(&holdings->request, ret_report, &fault);
    audit_progress_end(&progress);
    holdings->request.progress_context = NULL;
    if (e == ERR_OK)
        return ERR_OK;
    bool is_key = strcmp(fault.reason, "key-malformed") == 0;
    return failure_set_plain(failure, e, "%s: %s", is_key ? "--key" : holdings->request.path,
                             fault.detail);
}

static enum error judge(const struct arguments *arguments, struct holdings *holdings,
                        struct failure *failure)
{
    struct audit_report report = {.leaves = 0};
    enum error e = verify(holdings, &report, failure);
    if (e != ERR_OK)
        return e;
    e = arguments_has(arguments, OPTION_JSON) ? verify_report_print_json(&report, failure)
                                              : verify_report_print(&report, failure);
    if (e == ERR_OK && report.finding_total > 0) {
        e = failure_set_plain(failure, ERR_CONFLICT, "%s does not hold; findings: %" PRId64,
                              arguments->operands[0], report.finding_total);
        failure->is_told = true;
    }
    audit_report_clear(&report);
    return e;
}

enum error command_journal_verify(const struct arguments *arguments, struct failure *failure)
{
    struct holdings holdings = {.since = NULL};
    enum error e = read_holdings(arguments, &holdings, failure);
    if (e == ERR_OK)
        e = judge(arguments, &holdings, failure);
    holdings_clear(&holdings);
    return e;
}
