/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The report as one JSON object. A member that could not be made makes the whole NULL. */
#include "cli/verify_report.h"

#include <stdlib.h>

#include "cli/output.h"
#include "core/clock.h"

static json_t *time_json(int64_t unix_ms)
{
    char text[TIMESTAMP_SIZE];
    timestamp_format(unix_ms, text);
    return json_string(text);
}

static json_t *hex_json(const struct sha256 *digest)
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(digest->bytes, SHA256_SIZE), hex);
    return json_string(hex);
}

static json_t *answer_json(enum audit_answer answer)
{
    static const char *const WORDS[] = {
        [AUDIT_NOT_ASKED] = "not-given", [AUDIT_HOLDS] = "holds", [AUDIT_FAILS] = "fails"};
    return json_string(WORDS[answer]);
}

static json_t *findings_json(const struct audit_report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct audit_finding *finding = &report->findings[i];
        json_t *leaf = finding->leaf < 0 ? json_null() : json_integer(finding->leaf);
        (void)json_array_append_new(array,
                                    json_pack("{s:s, s:o, s:o}", "finding", finding->word, "text",
                                              output_text(finding->text), "leaf", leaf));
    }
    return array;
}

static json_t *kinds_json(const struct audit_report *report)
{
    json_t *object = json_object();
    for (size_t i = 0; i < report->kind_count; i++)
        (void)json_object_set_new(object, report->kinds[i].word,
                                  json_integer(report->kinds[i].count));
    return object;
}

static json_t *account_json(const struct audit_product *product)
{
    const struct export_account *account = &product->account;
    json_t *object = json_pack(
        "{s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
        "product", account->product, "governed", (int)product->is_governed, "policy",
        product->is_per_license ? "per-license" : "per-device", "accepted",
        (json_int_t)account->accepted, "revoked", (json_int_t)account->revoked, "scrap_allowance",
        (json_int_t)account->scrap_allowance, "scrap_drawn", (json_int_t)account->scrap_drawn,
        "granted", (json_int_t)account->granted, "charged", (json_int_t)account->charged,
        "remaining", (json_int_t)account->remaining, "licensed", (json_int_t)account->licensed,
        "succeeded", (json_int_t)account->succeeded, "proven", (json_int_t)account->proven,
        "failed", (json_int_t)account->failed, "scrapped", (json_int_t)account->scrapped,
        "unreported", (json_int_t)account->unreported);
    json_t *more =
        json_pack("{s:I, s:I, s:I}", "reissued", (json_int_t)product->reissued, "refused",
                  (json_int_t)product->refused, "documents", (json_int_t)product->documents);
    (void)json_object_update(object, more);
    json_decref(more);
    if (product->is_governed)
        (void)json_object_set_new(object, "first_authorities",
                                  hex_json(&product->first_authorities));
    return object;
}

static json_t *accounts_json(const struct audit_report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < report->product_count; i++)
        (void)json_array_append_new(array, account_json(&report->products[i]));
    return array;
}

static json_t *events_json(const struct audit_events *events, bool has_heads)
{
    json_t *array = json_array();
    for (size_t i = 0; i < events->count; i++) {
        const struct audit_event *event = &events->items[i];
        json_t *object = json_pack("{s:I, s:o}", "leaf", (json_int_t)event->leaf, "time",
                                   time_json(event->time_unix_ms));
        if (has_heads) {
            (void)json_object_set_new(object, "anchor_size", json_integer(event->anchor_size));
            (void)json_object_set_new(object, "head_size", json_integer(event->head_size));
            (void)json_object_set_new(object, "by", output_text(event->by));
        }
        (void)json_array_append_new(array, object);
    }
    return array;
}

static json_t *keys_json(const struct key_chain *keys)
{
    json_t *array = json_array();
    for (size_t i = 0; i < keys->count; i++) {
        const struct key_chain_key *key = &keys->keys[i];
        (void)json_array_append_new(
            array, json_pack("{s:o, s:o, s:b}", "key", hex_json(&key->digest), "leaf",
                             key->leaf >= 0 ? json_integer(key->leaf) : json_null(),
                             "statement_checked", (int)key->is_vouched));
    }
    return array;
}

static json_t *end_json(const struct audit_report *report)
{
    if (!report->is_retired)
        return json_null();
    return json_pack("{s:I, s:o}", "leaf", (json_int_t)report->retired_leaf, "successor",
                     report->has_successor ? hex_json(&report->successor) : json_null());
}

static json_t *journal_json(const struct audit_report *report)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:o, s:o, s:o, s:I, s:o, s:I, s:o}", "origin",
        report->has_checkpoint ? output_text(report->checkpoint.origin) : json_null(), "root",
        report->has_checkpoint ? hex_json(&report->checkpoint.root) : json_null(), "site",
        report->has_identity ? json_string(report->site) : json_null(), "hsm",
        report->has_identity ? hex_json(&report->hsm) : json_null(), "signed",
        (int)report->is_signed, "leaves", (json_int_t)report->leaves, "documents",
        (json_int_t)report->documents, "first", time_json(report->first_unix_ms), "last",
        time_json(report->last_unix_ms), "exported", time_json(report->made_unix_ms),
        "unknown_leaves", (json_int_t)report->unknown_leaves, "checkpoint_keys",
        keys_json(&report->keys), "key_given", (json_int_t)report->key_given, "retired",
        end_json(report));
}

static json_t *verdict_json(const struct audit_report *report)
{
    return json_pack(
        "{s:b, s:o, s:I, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:I, s:o}", "holds",
        (int)(report->finding_total == 0), "findings", findings_json(report), "finding_count",
        (json_int_t)report->finding_total, "finding_kinds", kinds_json(report), "newest_proven",
        (int)(report->challenge == AUDIT_HOLDS), "since", answer_json(report->since), "receipts",
        answer_json(report->receipts), "challenge", answer_json(report->challenge), "authorities",
        answer_json(report->authorities), "accounts", accounts_json(report), "starts",
        (json_int_t)report->starts, "unclean_starts", (json_int_t)report->unclean_starts.total,
        "unclean_start_leaves", events_json(&report->unclean_starts, false), "overrides",
        (json_int_t)report->overrides.total, "override_leaves",
        events_json(&report->overrides, true));
}

enum error verify_report_print_json(const struct audit_report *report, struct failure *failure)
{
    json_t *object = verdict_json(report);
    json_t *journal = journal_json(report);
    bool is_made = json_object_update(object, journal) == 0;
    json_decref(journal);
    if (is_made)
        return output_json(object, failure);
    json_decref(object);
    return failure_set_memory(failure);
}
