/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading a document: each kind has its members, and no others. Owns no state. */
#include "grant/grant.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/clock.h"

#define DEPTH_MAX 16 /* of nesting; jansson itself allows 2048 */

/* One document being read; `detail` names the member that is wrong. */
struct reading {
    const json_t *object;
    struct grant *grant;
    size_t members; /* that were taken */
    const char *detail;
};

/* ---- values ---- */

static bool wrong(struct reading *reading, const char *detail)
{
    reading->detail = detail;
    return false;
}

static const json_t *take(struct reading *reading, const char *name)
{
    const json_t *value = json_object_get(reading->object, name);
    if (value != NULL)
        reading->members++;
    return value;
}

static const char *text_of(const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == json_string_length(value) ? text : NULL;
}

static bool take_name(struct reading *reading, const char *member, char out[GRANT_NAME_MAX + 1],
                      const char *detail)
{
    const char *text = text_of(take(reading, member));
    if (text == NULL || !name_is_valid(text, GRANT_NAME_MAX))
        return wrong(reading, detail);
    strcpy(out, text);
    return true;
}

static bool take_digest(struct reading *reading, const char *member, struct sha256 *out,
                        const char *detail)
{
    const char *text = text_of(take(reading, member));
    if (text == NULL || !hex_decode(text, out->bytes, SHA256_SIZE))
        return wrong(reading, detail);
    return true;
}

static bool take_number(struct reading *reading, const char *member, int64_t min, int64_t max,
                        int64_t *out)
{
    const json_t *value = take(reading, member);
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= min && *out <= max;
}

/* Text without control characters, 1 to max bytes. */
static bool take_line(struct reading *reading, const char *member, char *out, size_t max)
{
    const char *text = text_of(take(reading, member));
    size_t length = text != NULL ? strlen(text) : 0;
    if (length == 0 || length > max)
        return false;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    }
    memcpy(out, text, length + 1);
    return true;
}

static bool take_time(struct reading *reading, const char *member, bool is_required, int64_t *out,
                      const char *detail)
{
    const json_t *value = take(reading, member);
    const char *text = text_of(value);
    if (value == NULL && !is_required)
        return true;
    if (text == NULL || !timestamp_parse(text, out) || *out <= 0)
        return wrong(reading, detail);
    return true;
}

/* A UUID of any version, lower case (RFC 9562 §4). */
static bool take_id(struct reading *reading)
{
    const char *text = text_of(take(reading, "id"));
    char hex[2 * UUID_SIZE + 1];
    size_t at = 0;
    if (text == NULL || strlen(text) != 36)
        return wrong(reading, "id must be a UUID in lower case.");
    for (size_t i = 0; i < 36; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash != (text[i] == '-'))
            return wrong(reading, "id must be a UUID in lower case.");
        if (!is_dash)
            hex[at++] = text[i];
    }
    hex[at] = '\0';
    if (!hex_decode(hex, reading->grant->id.bytes, UUID_SIZE))
        return wrong(reading, "id must be a UUID in lower case.");
    return true;
}

/* ---- members by kind ---- */

static bool take_units(struct reading *reading)
{
    struct grant *grant = reading->grant;
    if (!take_number(reading, "units", 1, GRANT_UNITS_MAX, &grant->units))
        return wrong(reading, "units must be 1 to 1000000000000.");
    if (json_object_get(reading->object, "lot") != NULL &&
        !take_line(reading, "lot", grant->lot, GRANT_LOT_MAX))
        return wrong(reading, "lot must be a text of 1 to 64 bytes.");
    return true;
}

static bool take_sequence(struct reading *reading)
{
    if (!take_number(reading, "sequence", 1, INT32_MAX, &reading->grant->sequence))
        return wrong(reading, "sequence must be a number from 1 on.");
    return true;
}

static bool take_rebinding(struct reading *reading)
{
    struct grant *grant = reading->grant;
    if (!take_sequence(reading))
        return false;
    if (!take_line(reading, "serial", grant->serial, GRANT_SERIAL_MAX))
        return wrong(reading, "serial must be a text of 1 to 64 bytes.");
    return take_digest(reading, "old_key", &grant->old_key, "old_key must be 64 hex digits.") &&
           take_digest(reading, "new_key", &grant->new_key, "new_key must be 64 hex digits.");
}

static bool read_head(struct reading *reading, const char *member, struct grant_head *head)
{
    struct reading inner = {.object = take(reading, member), .grant = reading->grant};
    return json_is_object(inner.object) && json_object_size(inner.object) == 2 &&
           take_number(&inner, "size", 0, GRANT_TREE_SIZE_MAX, &head->size) &&
           take_digest(&inner, "root", &head->root, "");
}

static bool take_heads(struct reading *reading)
{
    if (!read_head(reading, "anchor", &reading->grant->anchor) ||
        !read_head(reading, "head", &reading->grant->head))
        return wrong(reading, "anchor and head must each be an object of size and root.");
    return true;
}

/* ---- settings ---- */

static bool take_policy(struct reading *reading, struct grant_settings *settings)
{
    const char *text = text_of(take(reading, "policy"));
    if (text == NULL || !grant_policy_parse(text, &settings->policy))
        return wrong(reading, "settings.policy must be per-device or per-license.");
    return true;
}

static bool take_anchors(struct reading *reading, struct grant_settings *settings)
{
    const char *text = text_of(take(reading, "anchors"));
    if (text == NULL || text[0] == '\0' || strlen(text) > GRANT_ANCHORS_MAX)
        return wrong(reading, "settings.anchors must be at most 48 KiB of PEM.");
    settings->anchors = strdup(text);
    return settings->anchors != NULL || wrong(reading, "There is not enough memory.");
}

static bool take_options(struct reading *reading, struct grant_settings *settings)
{
    const json_t *value = take(reading, "options");
    if (value == NULL)
        return true;
    if (!json_is_object(value) || json_object_size(value) == 0)
        return wrong(reading, "settings.options must be an object.");
    size_t length =
        json_dumpb(value, settings->options, GRANT_OPTIONS_MAX, JSON_COMPACT | JSON_SORT_KEYS);
    if (length == 0 || length > GRANT_OPTIONS_MAX)
        return wrong(reading, "settings.options must be at most 1024 bytes.");
    settings->options[length] = '\0';
    return true;
}

static bool take_authorities(struct reading *reading, struct grant_settings *settings)
{
    const json_t *array = take(reading, "authorities");
    const char *pems[AUTHORITY_KEYS_MAX];
    int64_t threshold = 0;
    size_t count = json_array_size(array);
    struct fault fault;
    if (!json_is_array(array) || count < 1 || count > AUTHORITY_KEYS_MAX)
        return wrong(reading, "settings.authorities must be an array of 1 to 16 certificates.");
    for (size_t i = 0; i < count; i++) {
        pems[i] = text_of(json_array_get(array, i));
        if (pems[i] == NULL)
            return wrong(reading, "settings.authorities must be an array of PEM texts.");
    }
    if (!take_number(reading, "threshold", 1, (int64_t)count, &threshold))
        return wrong(reading, "settings.threshold must be 1 to the number of authorities.");
    if (authority_set_new(pems, count, (unsigned)threshold, &settings->authorities, &fault) !=
        ERR_OK)
        return wrong(reading, "settings.authorities must be different certificates, one each in "
                              "PEM, with EC, RSA (from 2048 bits) or Ed25519 keys.");
    return true;
}

static bool take_members_of_settings(struct reading *inner, struct grant_settings *settings)
{
    const json_t *exposure = take(inner, "allow_session_key_exposure");
    char profile[GRANT_NAME_MAX + 1];
    if (!take_name(inner, "profile", profile, "settings.profile must be a name.") ||
        strlen(profile) > GRANT_PROFILE_MAX)
        return wrong(inner, "settings.profile must be a name of at most 15 bytes.");
    strcpy(settings->profile, profile);
    if (!json_is_boolean(exposure))
        return wrong(inner, "settings.allow_session_key_exposure must be true or false.");
    settings->allows_key_exposure = json_is_true(exposure);
    if (json_object_get(inner->object, "attempts_max") != NULL &&
        !take_number(inner, "attempts_max", 0, GRANT_ATTEMPTS_MAX, &settings->attempts_max))
        return wrong(inner, "settings.attempts_max must be 0 to 1000000.");
    return take_policy(inner, settings) && take_anchors(inner, settings) &&
           take_options(inner, settings) && take_authorities(inner, settings);
}

static bool take_settings(struct reading *reading)
{
    struct reading inner = {.object = take(reading, "settings"), .grant = reading->grant};
    if (!take_sequence(reading))
        return false;
    if (!json_is_object(inner.object))
        return wrong(reading, "settings must be an object.");
    bool is_taken = take_members_of_settings(&inner, &reading->grant->settings);
    reading->detail = inner.detail;
    if (is_taken && inner.members != json_object_size(inner.object))
        return wrong(reading, "settings has a member that is not known.");
    return is_taken;
}

/* ---- the document ---- */

static bool take_kind(struct reading *reading)
{
    const char *type = text_of(take(reading, "type"));
    const char *kind = text_of(take(reading, "kind"));
    if (type == NULL || strcmp(type, GRANT_TYPE) != 0)
        return wrong(reading, "type must be provisiond-grant/1.");
    if (kind == NULL || !grant_kind_parse(kind, &reading->grant->kind))
        return wrong(reading, "kind must be install, scrap, revoke, policy, override or rebind.");
    return true;
}

static bool take_common(struct reading *reading)
{
    struct grant *grant = reading->grant;
    return take_id(reading) &&
           take_name(reading, "product", grant->product, "product must be a name.") &&
           take_name(reading, "site", grant->site, "site must be a name.") &&
           take_digest(reading, "hsm", &grant->hsm, "hsm must be 64 hex digits.") &&
           take_time(reading, "issued", true, &grant->issued_unix_ms,
                     "issued must be a time like 2026-11-27T10:00:00Z.") &&
           take_time(reading, "not_before", false, &grant->not_before_unix_ms,
                     "not_before must be a time like 2026-11-27T10:00:00Z.") &&
           take_time(reading, "not_after", false, &grant->not_after_unix_ms,
                     "not_after must be a time like 2026-11-27T10:00:00Z.");
}

static bool take_own(struct reading *reading)
{
    switch (reading->grant->kind) {
    case GRANT_INSTALL:
    case GRANT_SCRAP:
    case GRANT_REVOKE:
        return take_units(reading);
    case GRANT_POLICY:
        return take_settings(reading);
    case GRANT_OVERRIDE:
        return take_heads(reading);
    case GRANT_REBIND:
        return take_rebinding(reading);
    }
    return false;
}

/* Brackets outside of strings. */
static bool is_shallow(struct bytes json)
{
    int depth = 0;
    bool is_in_text = false;
    for (size_t i = 0; i < json.length; i++) {
        char c = (char)json.data[i];
        if (is_in_text && c == '\\')
            i++;
        else if (c == '"')
            is_in_text = !is_in_text;
        else if (!is_in_text && (c == '{' || c == '['))
            depth++;
        else if (!is_in_text && (c == '}' || c == ']'))
            depth--;
        if (depth > DEPTH_MAX)
            return false;
    }
    return true;
}

static enum error malformed(struct fault *fault, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, "grant-malformed", detail, 0);
}

enum error grant_read(struct bytes json, struct grant *ret_grant, struct fault *fault)
{
    *ret_grant = (struct grant){0};
    if (json.length > GRANT_JSON_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "grant-malformed",
                         "A document is at most 88 KiB of JSON.", 0);
    json_t *object = is_shallow(json) ? json_loadb((const char *)json.data, json.length,
                                                   JSON_REJECT_DUPLICATES, NULL)
                                      : NULL;
    struct reading reading = {.object = object, .grant = ret_grant};
    if (!json_is_object(object)) {
        json_decref(object);
        return malformed(fault, "The document must be one JSON object.");
    }
    bool is_taken = take_kind(&reading) && take_common(&reading) && take_own(&reading);
    if (is_taken && reading.members != json_object_size(object))
        is_taken = wrong(&reading, "The document has a member that its kind does not have.");
    json_decref(object);
    return is_taken ? ERR_OK : malformed(fault, reading.detail);
}

void grant_clear(struct grant *grant)
{
    free(grant->settings.anchors);
    authority_set_free(grant->settings.authorities);
    *grant = (struct grant){0};
}
