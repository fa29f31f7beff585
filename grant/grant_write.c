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
    [GRANT_STANDBY] = "standby",
};
static const char *const POLICIES[] = {
    [GRANT_PER_DEVICE] = "per-device", [GRANT_PER_LICENSE] = "per-license"};

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define UUID_TEXT_SIZE 37

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

/* ---- members ---- */

/* An object in the making; a text that is not UTF-8, or lack of memory, breaks it. */
struct writing {
    json_t *object;
    bool is_broken;
};

/* value is consumed. */
static void set(struct writing *writing, const char *name, json_t *value)
{
    if (json_object_set_new(writing->object, name, value) != 0)
        writing->is_broken = true;
}

static void set_digest(struct writing *writing, const char *name, const struct sha256 *digest)
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(digest->bytes, SHA256_SIZE), hex);
    set(writing, name, json_string(hex));
}

static void set_time(struct writing *writing, const char *name, int64_t unix_ms)
{
    char text[TIMESTAMP_SIZE];
    timestamp_format(unix_ms, text);
    set(writing, name, json_string(text));
}

static void set_id(struct writing *writing, const struct uuid *id)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, "", text, sizeof text);
    set(writing, "id", json_string(text));
}

/* The inner object becomes a member of the outer one. */
static void set_object(struct writing *writing, const char *name, const struct writing *inner)
{
    writing->is_broken = writing->is_broken || inner->is_broken;
    set(writing, name, inner->object);
}

/* ---- parts of a document ---- */

static void set_head(struct writing *writing, const char *name, const struct grant_head *head)
{
    struct writing inner = {.object = json_object()};
    set(&inner, "size", json_integer(head->size));
    set_digest(&inner, "root", &head->root);
    set_object(writing, name, &inner);
}

static void set_common(struct writing *writing, const struct grant *grant)
{
    set(writing, "type", json_string(GRANT_TYPE));
    set_id(writing, &grant->id);
    set(writing, "kind", json_string(grant_kind_name(grant->kind)));
    set(writing, "product", json_string(grant->product));
    set(writing, "site", json_string(grant->site));
    set_digest(writing, "hsm", &grant->hsm);
    set_time(writing, "issued", grant->issued_unix_ms);
    if (grant->not_before_unix_ms != 0)
        set_time(writing, "not_before", grant->not_before_unix_ms);
    if (grant->not_after_unix_ms != 0)
        set_time(writing, "not_after", grant->not_after_unix_ms);
}

static void set_authorities(struct writing *writing, const struct authority_set *authorities)
{
    json_t *array = json_array();
    for (size_t i = 0; i < authority_set_count(authorities); i++) {
        if (json_array_append_new(array, json_string(authority_set_pem(authorities, i))) != 0)
            writing->is_broken = true;
    }
    set(writing, "authorities", array);
    set(writing, "threshold", json_integer(authority_set_threshold(authorities)));
}

static void set_settings(struct writing *writing, const struct grant_settings *settings)
{
    struct writing inner = {.object = json_object()};
    set(&inner, "profile", json_string(settings->profile));
    set(&inner, "policy", json_string(grant_policy_name(settings->policy)));
    set(&inner, "anchors", json_string(settings->anchors));
    set(&inner, "allow_session_key_exposure", json_boolean(settings->allows_key_exposure));
    if (settings->options[0] != '\0')
        set(&inner, "options", json_loads(settings->options, JSON_REJECT_DUPLICATES, NULL));
    if (settings->attempts_max != 0)
        set(&inner, "attempts_max", json_integer(settings->attempts_max));
    set_authorities(&inner, settings->authorities);
    set_object(writing, "settings", &inner);
}

static void set_units(struct writing *writing, const struct grant *grant)
{
    set(writing, "units", json_integer(grant->units));
    if (grant->lot[0] != '\0')
        set(writing, "lot", json_string(grant->lot));
}

static void set_rebinding(struct writing *writing, const struct grant *grant)
{
    set(writing, "sequence", json_integer(grant->sequence));
    set(writing, "serial", json_string(grant->serial));
    set_digest(writing, "old_key", &grant->old_key);
    set_digest(writing, "new_key", &grant->new_key);
}

static void set_standby(struct writing *writing, const struct grant *grant)
{
    set(writing, "sequence", json_integer(grant->sequence));
    set_digest(writing, "standby", &grant->standby);
    set_digest(writing, "transport_key", &grant->transport_key);
    set(writing, "allowed", json_boolean(grant->is_allowed));
}

static void set_own(struct writing *writing, const struct grant *grant)
{
    switch (grant->kind) {
    case GRANT_INSTALL:
    case GRANT_SCRAP:
    case GRANT_REVOKE:
        set_units(writing, grant);
        return;
    case GRANT_POLICY:
        set(writing, "sequence", json_integer(grant->sequence));
        set_settings(writing, &grant->settings);
        return;
    case GRANT_OVERRIDE:
        set_head(writing, "anchor", &grant->anchor);
        set_head(writing, "head", &grant->head);
        return;
    case GRANT_REBIND:
        set_rebinding(writing, grant);
        return;
    case GRANT_STANDBY:
        set_standby(writing, grant);
        return;
    }
}

/* ---- the text ---- */

/* Takes text over; NULL for NULL. */
static char *append_newline(char *text)
{
    size_t length = text != NULL ? strlen(text) : 0;
    char *line = text != NULL ? realloc(text, length + 2) : NULL;
    if (line == NULL) {
        free(text);
        return NULL;
    }
    memcpy(line + length, "\n", 2);
    return line;
}

enum error grant_write(const struct grant *grant, char **ret_text, struct fault *fault)
{
    struct grant again = {0};
    struct writing writing = {.object = json_object()};
    set_common(&writing, grant);
    set_own(&writing, grant);
    char *text =
        writing.is_broken ? NULL : append_newline(json_dumps(writing.object, JSON_INDENT(2)));
    json_decref(writing.object);
    if (text == NULL)
        return fault_set(fault, ERR_BAD_REQUEST, "grant-malformed",
                         "The texts of a document must be UTF-8.", 0);
    enum error e = grant_read(bytes_of(text, strlen(text)), &again, fault);
    grant_clear(&again);
    if (e != ERR_OK) {
        free(text);
        return e;
    }
    *ret_text = text;
    return ERR_OK;
}
