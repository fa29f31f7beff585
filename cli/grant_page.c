/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Rows for a document, the same words as product show has. Owns no state. */
#include "cli/grant_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/account.h"
#include "cli/anchor.h"
#include "cli/product_settings.h"
#include "cli/text.h"
#include "core/clock.h"

#define ID_SIZE   37 /* a UUID and NUL */
#define VALUE_MAX 256

static void add(struct table *table, const char *name, const char *value)
{
    table_add_row(table, (const char *[]){name, value});
}

static void add_number(struct table *table, const char *name, int64_t value)
{
    char number[NUMBER_TEXT_SIZE];
    add(table, name, text_number(value, number));
}

static void add_digest(struct table *table, const char *name, const struct sha256 *digest)
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(digest->bytes, SHA256_SIZE), hex);
    add(table, name, hex);
}

static void add_id(struct table *table, const struct uuid *id)
{
    char text[ID_SIZE];
    uuid_format(id, "", text, sizeof text);
    add(table, "Id", text);
}

/* note is about the present, "" for none; a time of 0 is not given. */
static void add_time(struct table *table, const char *name, int64_t unix_ms, const char *note)
{
    char time[TIMESTAMP_SIZE];
    char value[VALUE_MAX];
    if (unix_ms == 0)
        return;
    timestamp_format(unix_ms, time);
    (void)snprintf(value, sizeof value, "%s%s", time, note);
    add(table, name, value);
}

static void add_head(struct table *table, const char *name, const struct grant_head *head)
{
    char text[HEAD_TEXT_SIZE];
    add(table, name,
        head_format(&(struct journal_head){.size = head->size, .root = head->root}, text));
}

/* ---- kinds ---- */

static void add_units(struct table *table, const struct grant *grant)
{
    add_number(table, "Units", grant->units);
    if (grant->lot[0] != '\0')
        add(table, "Lot", grant->lot);
}

static void add_authorities(struct table *table, const struct authority_set *authorities)
{
    char value[VALUE_MAX];
    (void)snprintf(value, sizeof value, "%u of %zu", authority_set_threshold(authorities),
                   authority_set_count(authorities));
    add(table, "Must sign from then on", value);
    for (size_t i = 0; i < authority_set_count(authorities); i++) {
        char hex[SHA256_HEX_SIZE];
        char name[AUTHORITY_NAME_SIZE];
        const struct sha256 key = authority_set_key(authorities, i);
        hex_encode(bytes_of(key.bytes, SHA256_SIZE), hex);
        authority_set_name(authorities, i, name);
        (void)snprintf(value, sizeof value, "%s  %s", hex, name);
        add(table, "May sign", value);
    }
}

static void add_options(struct table *table, const struct grant_settings *settings)
{
    json_t *options = json_loads(settings->options, JSON_REJECT_DUPLICATES, NULL);
    if (options != NULL)
        product_settings_show(options, table);
    json_decref(options);
}

static void add_settings(struct table *table, const struct grant_settings *settings)
{
    const struct sha256 anchors = sha256_of(bytes_of(settings->anchors, strlen(settings->anchors)));
    add(table, "Profile", settings->profile);
    add(table, "Policy", account_explain_policy(grant_policy_name(settings->policy)));
    add_digest(table, "Trust anchors, SHA-256", &anchors);
    add(table, "Session key exposure", settings->allows_key_exposure ? "allowed" : "not allowed");
    if (settings->attempts_max > 0)
        add_number(table, "Attempts per device", settings->attempts_max);
    add_options(table, settings);
    add_authorities(table, settings->authorities);
}

static void add_rebinding(struct table *table, const struct grant *grant)
{
    add_number(table, "Sequence", grant->sequence);
    add(table, "Serial", grant->serial);
    add_digest(table, "Old key", &grant->old_key);
    add_digest(table, "New key", &grant->new_key);
}

static void add_standby(struct table *table, const struct grant *grant)
{
    add_number(table, "Sequence", grant->sequence);
    add_digest(table, "Standby HSM", &grant->standby);
    add_digest(table, "Its transport key, SHA-256", &grant->transport_key);
    add(table, "Gets session keys", grant->is_allowed ? "yes, all of this product" : "no more");
}

static void add_own(struct table *table, const struct grant *grant)
{
    switch (grant->kind) {
    case GRANT_INSTALL:
    case GRANT_SCRAP:
    case GRANT_REVOKE:
        add_units(table, grant);
        return;
    case GRANT_POLICY:
        add_number(table, "Sequence", grant->sequence);
        add_settings(table, &grant->settings);
        return;
    case GRANT_OVERRIDE:
        add_head(table, "The HSM remembers", &grant->anchor);
        add_head(table, "The ledger was found", &grant->head);
        return;
    case GRANT_REBIND:
        add_rebinding(table, grant);
        return;
    case GRANT_STANDBY:
        add_standby(table, grant);
        return;
    }
}

void grant_page_add(struct table *table, const struct grant *grant, int64_t now_unix_ms)
{
    bool is_early = now_unix_ms < grant->not_before_unix_ms;
    bool is_late = now_unix_ms > grant->not_after_unix_ms;
    add(table, "Kind", grant_kind_name(grant->kind));
    add(table, "Product", grant->product);
    add_own(table, grant);
    add(table, "For the site", grant->site);
    add_digest(table, "For the HSM", &grant->hsm);
    add_id(table, &grant->id);
    add_time(table, "Issued", grant->issued_unix_ms, "");
    add_time(table, "Not before", grant->not_before_unix_ms, is_early ? " (not yet)" : "");
    add_time(table, "Not after", grant->not_after_unix_ms, is_late ? " (over)" : "");
}

json_t *grant_page_json(const struct grant *grant)
{
    char *text = NULL;
    if (grant_write(grant, &text, NULL) != ERR_OK)
        return NULL;
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    return document;
}
