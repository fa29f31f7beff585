/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Writing a document, and the words of kinds and policies. Owns no state. */
#include "grant/grant.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/clock.h"

/* ---- words ---- */

static const char *const KINDS[] = {
    [GRANT_INSTALL] = "install", [GRANT_SCRAP] = "scrap",       [GRANT_REVOKE] = "revoke",
    [GRANT_POLICY] = "policy",   [GRANT_OVERRIDE] = "override", [GRANT_REBIND] = "rebind",
};
static const char *const POLICIES[] = {
    [GRANT_PER_DEVICE] = "per-device", [GRANT_PER_LICENSE] = "per-license"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* 0 when the word is not there; the numbers begin at 1. */
static size_t find_word(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 1; i < count; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return 0;
}

const char *grant_kind_name(enum grant_kind kind)
{
    return kind >= 1 && (size_t)kind < COUNT(KINDS) ? KINDS[kind] : "unknown";
}

bool grant_kind_parse(const char *name, enum grant_kind *ret_kind)
{
    size_t found = find_word(KINDS, COUNT(KINDS), name);
    *ret_kind = (enum grant_kind)found;
    return found != 0;
}

const char *grant_policy_name(enum grant_policy policy)
{
    return policy >= 1 && (size_t)policy < COUNT(POLICIES) ? POLICIES[policy] : "unknown";
}

bool grant_policy_parse(const char *name, enum grant_policy *ret_policy)
{
    size_t found = find_word(POLICIES, COUNT(POLICIES), name);
    *ret_policy = (enum grant_policy)found;
    return found != 0;
}

/* ---- writing ---- */

static json_t *hex_json(const struct sha256 *digest)
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(digest->bytes, SHA256_SIZE), hex);
    return json_string(hex);
}

static json_t *time_json(int64_t unix_ms)
{
    char text[TIMESTAMP_SIZE];
    timestamp_format(unix_ms, text);
    return json_string(text);
}

static json_t *head_json(const struct grant_head *head)
{
    return json_pack("{s:I, s:o}", "size", (json_int_t)head->size, "root", hex_json(&head->root));
}

/* A failed setting leaves a member out, and the text is refused when it is read again. */
static void set(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value);
}

static void set_common(json_t *object, const struct grant *grant)
{
    char id[UUID_SIZE * 2 + 5];
    uuid_format(&grant->id, "", id, sizeof id);
    set(object, "type", json_string(GRANT_TYPE));
    set(object, "id", json_string(id));
    set(object, "kind", json_string(grant_kind_name(grant->kind)));
    set(object, "product", json_string(grant->product));
    set(object, "site", json_string(grant->site));
    set(object, "hsm", hex_json(&grant->hsm));
    set(object, "issued", time_json(grant->issued_unix_ms));
    if (grant->not_before_unix_ms != 0)
        set(object, "not_before", time_json(grant->not_before_unix_ms));
    if (grant->not_after_unix_ms != 0)
        set(object, "not_after", time_json(grant->not_after_unix_ms));
}

static json_t *authorities_json(const struct authority_set *authorities)
{
    json_t *array = json_array();
    for (size_t i = 0; i < authority_set_count(authorities); i++)
        (void)json_array_append_new(array, json_string(authority_set_pem(authorities, i)));
    return array;
}

static json_t *settings_json(const struct grant_settings *settings)
{
    json_t *object = json_object();
    set(object, "profile", json_string(settings->profile));
    set(object, "policy", json_string(grant_policy_name(settings->policy)));
    set(object, "anchors", json_string(settings->anchors));
    set(object, "allow_session_key_exposure", json_boolean(settings->allows_key_exposure));
    if (settings->options[0] != '\0')
        set(object, "options", json_loads(settings->options, JSON_REJECT_DUPLICATES, NULL));
    if (settings->attempts_max != 0)
        set(object, "attempts_max", json_integer(settings->attempts_max));
    set(object, "authorities", authorities_json(settings->authorities));
    set(object, "threshold", json_integer(authority_set_threshold(settings->authorities)));
    return object;
}

static void set_own(json_t *object, const struct grant *grant)
{
    switch (grant->kind) {
    case GRANT_INSTALL:
    case GRANT_SCRAP:
    case GRANT_REVOKE:
        set(object, "units", json_integer(grant->units));
        if (grant->lot[0] != '\0')
            set(object, "lot", json_string(grant->lot));
        return;
    case GRANT_POLICY:
        set(object, "sequence", json_integer(grant->sequence));
        set(object, "settings", settings_json(&grant->settings));
        return;
    case GRANT_OVERRIDE:
        set(object, "anchor", head_json(&grant->anchor));
        set(object, "head", head_json(&grant->head));
        return;
    case GRANT_REBIND:
        set(object, "sequence", json_integer(grant->sequence));
        set(object, "serial", json_string(grant->serial));
        set(object, "old_key", hex_json(&grant->old_key));
        set(object, "new_key", hex_json(&grant->new_key));
        return;
    }
}

static char *text_of(const json_t *object)
{
    char *text = json_dumps(object, JSON_INDENT(2));
    size_t length = text != NULL ? strlen(text) : 0;
    char *line = text != NULL ? realloc(text, length + 2) : NULL;
    if (line == NULL) {
        free(text);
        return NULL;
    }
    line[length] = '\n';
    line[length + 1] = '\0';
    return line;
}

enum error grant_write(const struct grant *grant, char **ret_text, struct fault *fault)
{
    struct grant again = {0};
    json_t *object = json_object();
    set_common(object, grant);
    set_own(object, grant);
    char *text = text_of(object);
    json_decref(object);
    if (text == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = grant_read(bytes_of(text, strlen(text)), &again, fault);
    grant_clear(&again);
    if (e != ERR_OK) {
        free(text);
        return e;
    }
    *ret_text = text;
    return ERR_OK;
}
