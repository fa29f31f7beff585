/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A leaf and the document that it tells of, field by field. Owns no state. */
#include "audit/replay_document.h"

#include <string.h>

#define RAW_MAX (6 * GRANT_OPTIONS_MAX + 1) /* the longest text as it stands in a leaf */

static bool text_differs(const struct leaf *leaf, enum leaf_field field, const char *text)
{
    char raw[RAW_MAX];
    return !canonical_encode(text, raw, sizeof raw) || !leaf_text_is(leaf, field, raw);
}

static bool number_differs(const struct leaf *leaf, enum leaf_field field, int64_t number)
{
    return leaf_number(leaf, field) != number;
}

static bool digest_differs(const struct leaf *leaf, enum leaf_field field,
                           const struct sha256 *digest)
{
    const struct sha256 said = leaf_digest(leaf, field);
    return !sha256_equal(&said, digest);
}

const char *replay_settings_differ(const struct leaf *leaf, const struct grant_settings *settings)
{
    const struct sha256 anchors = sha256_of(bytes_of(settings->anchors, strlen(settings->anchors)));
    if (text_differs(leaf, FIELD_PROFILE, settings->profile))
        return leaf_field_name(FIELD_PROFILE);
    if (text_differs(leaf, FIELD_POLICY, grant_policy_name(settings->policy)))
        return leaf_field_name(FIELD_POLICY);
    if (digest_differs(leaf, FIELD_ANCHORS, &anchors))
        return leaf_field_name(FIELD_ANCHORS);
    if (leaf_flag(leaf, FIELD_SESSION_KEY_EXPOSURE) != settings->allows_key_exposure)
        return leaf_field_name(FIELD_SESSION_KEY_EXPOSURE);
    if (text_differs(leaf, FIELD_OPTIONS, settings->options))
        return leaf_field_name(FIELD_OPTIONS);
    if (number_differs(leaf, FIELD_ATTEMPTS_MAX, settings->attempts_max))
        return leaf_field_name(FIELD_ATTEMPTS_MAX);
    const struct sha256 authorities = authority_set_digest(settings->authorities);
    return digest_differs(leaf, FIELD_AUTHORITIES, &authorities)
               ? leaf_field_name(FIELD_AUTHORITIES)
               : NULL;
}

static const char *heads_differ(const struct leaf *leaf, const struct grant *grant)
{
    if (number_differs(leaf, FIELD_ANCHOR_SIZE, grant->anchor.size))
        return leaf_field_name(FIELD_ANCHOR_SIZE);
    if (digest_differs(leaf, FIELD_ANCHOR_ROOT, &grant->anchor.root))
        return leaf_field_name(FIELD_ANCHOR_ROOT);
    if (number_differs(leaf, FIELD_HEAD_SIZE, grant->head.size))
        return leaf_field_name(FIELD_HEAD_SIZE);
    return digest_differs(leaf, FIELD_HEAD_ROOT, &grant->head.root)
               ? leaf_field_name(FIELD_HEAD_ROOT)
               : NULL;
}

static const char *keys_differ(const struct leaf *leaf, const struct grant *grant)
{
    if (text_differs(leaf, FIELD_SERIAL, grant->serial))
        return leaf_field_name(FIELD_SERIAL);
    if (digest_differs(leaf, FIELD_OLD_KEY, &grant->old_key))
        return leaf_field_name(FIELD_OLD_KEY);
    return digest_differs(leaf, FIELD_NEW_KEY, &grant->new_key) ? leaf_field_name(FIELD_NEW_KEY)
                                                                : NULL;
}

static const char *standbys_differ(const struct leaf *leaf, const struct grant *grant)
{
    if (digest_differs(leaf, FIELD_STANDBY, &grant->standby))
        return leaf_field_name(FIELD_STANDBY);
    if (digest_differs(leaf, FIELD_SPKI, &grant->transport_key))
        return leaf_field_name(FIELD_SPKI);
    return leaf_flag(leaf, FIELD_ALLOWED) != grant->is_allowed ? leaf_field_name(FIELD_ALLOWED)
                                                               : NULL;
}

/* Members of other kinds are zero or empty on both sides. */
const char *document_difference(const struct leaf *leaf, const struct grant *grant)
{
    const struct uuid id = leaf_uuid(leaf, FIELD_GRANT);
    const char *difference = NULL;
    if (memcmp(id.bytes, grant->id.bytes, UUID_SIZE) != 0)
        return leaf_field_name(FIELD_GRANT);
    if (text_differs(leaf, FIELD_KIND, grant_kind_name(grant->kind)))
        return leaf_field_name(FIELD_KIND);
    if (number_differs(leaf, FIELD_UNITS, grant->units))
        return leaf_field_name(FIELD_UNITS);
    if (text_differs(leaf, FIELD_LOT, grant->lot))
        return leaf_field_name(FIELD_LOT);
    if (number_differs(leaf, FIELD_SEQUENCE, grant->sequence))
        return leaf_field_name(FIELD_SEQUENCE);
    if (grant->kind == GRANT_POLICY)
        difference = replay_settings_differ(leaf, &grant->settings);
    if (grant->kind == GRANT_OVERRIDE)
        difference = heads_differ(leaf, grant);
    if (grant->kind == GRANT_REBIND)
        difference = keys_differ(leaf, grant);
    if (grant->kind == GRANT_STANDBY)
        difference = standbys_differ(leaf, grant);
    return difference;
}
