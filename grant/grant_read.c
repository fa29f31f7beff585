/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading a document: each kind has its members, and no others. Owns no state. */
#include "grant/grant.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/clock.h"
#include "grant/members.h"
#include "grant/settings.h"

/* ---- members of every kind ---- */

static bool take_kind(struct members *members, struct grant *grant)
{
    const char *type = members_take_text(members, "type");
    const char *kind = members_take_text(members, "kind");
    if (type == NULL || strcmp(type, GRANT_TYPE) != 0)
        return members_refuse(members, "type must be " GRANT_TYPE ".");
    if (kind == NULL || !grant_kind_parse(kind, &grant->kind))
        return members_refuse(members,
                              "kind must be install, scrap, revoke, policy, override, rebind or "
                              "standby.");
    return true;
}

static bool take_id(struct members *members, struct grant *grant)
{
    const char *text = members_take_text(members, "id");
    if (text == NULL || !uuid_parse(text, "", &grant->id))
        return members_refuse(members, "id must be a UUID of version 7 in lower case.");
    return true;
}

static bool take_time(struct members *members, const char *name, int64_t *out, const char *detail)
{
    const char *text = members_take_text(members, name);
    if (text == NULL || !timestamp_parse(text, out) || *out <= 0)
        return members_refuse(members, detail);
    return true;
}

static bool take_times(struct members *members, struct grant *grant)
{
    if (!take_time(members, "issued", &grant->issued_unix_ms,
                   "issued must be a time like 2026-11-27T10:00:00Z."))
        return false;
    if (members_have(members, "not_before") &&
        !take_time(members, "not_before", &grant->not_before_unix_ms,
                   "not_before must be a time like 2026-11-27T10:00:00Z."))
        return false;
    if (members_have(members, "not_after") &&
        !take_time(members, "not_after", &grant->not_after_unix_ms,
                   "not_after must be a time like 2026-11-27T10:00:00Z."))
        return false;
    if (grant->not_after_unix_ms != 0 && grant->not_after_unix_ms < grant->not_before_unix_ms)
        return members_refuse(members, "not_after must not be before not_before.");
    return true;
}

static bool take_common(struct members *members, struct grant *grant)
{
    return take_id(members, grant) &&
           members_take_name(members, "product", grant->product, GRANT_NAME_MAX,
                             "product must be a name.") &&
           members_take_name(members, "site", grant->site, GRANT_NAME_MAX,
                             "site must be a name.") &&
           members_take_digest(members, "hsm", &grant->hsm,
                               "hsm must be 64 lower-case hex digits.") &&
           take_times(members, grant);
}

/* ---- members by kind ---- */

static bool take_units(struct members *members, struct grant *grant)
{
    static const struct members_range range = {1, GRANT_UNITS_MAX};
    return members_take_number(members, "units", range, &grant->units,
                               "units must be a whole number from 1 to 1000000000000.") &&
           (!members_have(members, "lot") ||
            members_take_line(members, "lot", grant->lot, GRANT_LOT_MAX,
                              "lot must be a text of 1 to 64 bytes."));
}

static bool take_sequence(struct members *members, struct grant *grant)
{
    static const struct members_range range = {1, GRANT_SEQUENCE_MAX};
    return members_take_number(members, "sequence", range, &grant->sequence,
                               "sequence must be a whole number from 1 on.");
}

static bool take_policy(struct members *members, struct grant *grant)
{
    struct members inner = {.object = members_take(members, "settings"), .fault = members->fault};
    if (!take_sequence(members, grant))
        return false;
    if (!json_is_object(inner.object))
        return members_refuse(members, "settings must be an object.");
    bool is_read = settings_read(&inner, &grant->settings);
    members->error = inner.error;
    return is_read;
}

static bool take_head(struct members *members, const char *name, struct grant_head *head)
{
    static const char detail[] =
        "anchor and head must each be an object of size (a whole number) and root (64 hex digits).";
    static const struct members_range range = {0, GRANT_TREE_SIZE_MAX};
    struct members inner = {.object = members_take(members, name), .fault = members->fault};
    if (members_take_number(&inner, "size", range, &head->size, detail) &&
        members_take_digest(&inner, "root", &head->root, detail) && members_are_all_taken(&inner))
        return true;
    return members_refuse(members, detail);
}

static bool take_rebinding(struct members *members, struct grant *grant)
{
    if (!take_sequence(members, grant) ||
        !members_take_line(members, "serial", grant->serial, GRANT_SERIAL_MAX,
                           "serial must be a text of 1 to 64 bytes.") ||
        !members_take_digest(members, "old_key", &grant->old_key,
                             "old_key must be 64 lower-case hex digits.") ||
        !members_take_digest(members, "new_key", &grant->new_key,
                             "new_key must be 64 lower-case hex digits."))
        return false;
    if (sha256_equal(&grant->old_key, &grant->new_key))
        return members_refuse(members, "old_key and new_key must be different keys.");
    return true;
}

static bool take_allowed(struct members *members, struct grant *grant)
{
    const json_t *value = members_take(members, "allowed");
    if (!json_is_boolean(value))
        return members_refuse(members, "allowed must be true or false.");
    grant->is_allowed = json_is_true(value);
    return true;
}

static bool take_standby(struct members *members, struct grant *grant)
{
    if (!take_sequence(members, grant) ||
        !members_take_digest(members, "standby", &grant->standby,
                             "standby must be 64 lower-case hex digits.") ||
        !members_take_digest(members, "transport_key", &grant->transport_key,
                             "transport_key must be 64 lower-case hex digits.") ||
        !take_allowed(members, grant))
        return false;
    if (sha256_equal(&grant->standby, &grant->hsm))
        return members_refuse(members, "standby and hsm must be different HSMs.");
    return true;
}

static bool take_own(struct members *members, struct grant *grant)
{
    switch (grant->kind) {
    case GRANT_INSTALL:
    case GRANT_SCRAP:
    case GRANT_REVOKE:
        return take_units(members, grant);
    case GRANT_POLICY:
        return take_policy(members, grant);
    case GRANT_OVERRIDE:
        return take_head(members, "anchor", &grant->anchor) &&
               take_head(members, "head", &grant->head);
    case GRANT_REBIND:
        return take_rebinding(members, grant);
    case GRANT_STANDBY:
        return take_standby(members, grant);
    }
    return false;
}

/* ---- the document ---- */

enum error grant_read(struct bytes json, struct grant *ret_grant, struct fault *fault)
{
    *ret_grant = (struct grant){0};
    struct members members = {.fault = fault};
    if (json.length > GRANT_JSON_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "grant-malformed",
                         "A document is at most 88 KiB of JSON.", 0);
    json_t *object = json_loadb((const char *)json.data, json.length, JSON_REJECT_DUPLICATES, NULL);
    members.object = object;
    if (!json_is_object(object))
        (void)members_refuse(&members, "The document must be one JSON object.");
    else if (take_kind(&members, ret_grant) && take_common(&members, ret_grant) &&
             take_own(&members, ret_grant) && !members_are_all_taken(&members))
        (void)members_refuse(&members, "The document has a member that its kind does not have.");
    json_decref(object);
    return members.error;
}

void grant_clear(struct grant *grant)
{
    free(grant->settings.anchors);
    authority_set_free(grant->settings.authorities);
    *grant = (struct grant){0};
}
