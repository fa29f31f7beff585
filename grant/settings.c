/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading the settings of a policy. Owns no state. */
#include "grant/settings.h"

#include <string.h>

static const char NOT_AUTHORITIES[] =
    "settings.authorities must be an array of 1 to 16 certificates, one each in PEM.";

static bool take_policy(struct members *members, struct grant_settings *settings)
{
    const char *text = members_take_text(members, "policy");
    if (text == NULL || !grant_policy_parse(text, &settings->policy))
        return members_refuse(members, "settings.policy must be per-device or per-license.");
    return true;
}

static bool take_exposure(struct members *members, struct grant_settings *settings)
{
    const json_t *value = members_take(members, "allow_session_key_exposure");
    if (!json_is_boolean(value))
        return members_refuse(members,
                              "settings.allow_session_key_exposure must be true or false.");
    settings->allows_key_exposure = json_is_true(value);
    return true;
}

static bool take_attempts(struct members *members, struct grant_settings *settings)
{
    static const struct members_range range = {0, GRANT_ATTEMPTS_MAX};
    return !members_have(members, "attempts_max") ||
           members_take_number(members, "attempts_max", range, &settings->attempts_max,
                               "settings.attempts_max must be 0 to 1000000.");
}

static bool take_anchors(struct members *members, struct grant_settings *settings)
{
    const char *text = members_take_text(members, "anchors");
    if (text == NULL || text[0] == '\0' || strnlen(text, GRANT_ANCHORS_MAX + 1) > GRANT_ANCHORS_MAX)
        return members_refuse(members, "settings.anchors must be at most 48 KiB of PEM.");
    settings->anchors = strdup(text);
    return settings->anchors != NULL || members_fail_memory(members);
}

static bool take_options(struct members *members, struct grant_settings *settings)
{
    const json_t *value = members_take(members, "options");
    if (value == NULL)
        return true;
    if (!json_is_object(value) || json_object_size(value) == 0)
        return members_refuse(members, "settings.options must be an object with members.");
    size_t length =
        json_dumpb(value, settings->options, GRANT_OPTIONS_MAX, JSON_COMPACT | JSON_SORT_KEYS);
    if (length == 0 || length > GRANT_OPTIONS_MAX)
        return members_refuse(members, "settings.options must be at most 1024 bytes.");
    settings->options[length] = '\0';
    return true;
}

/* ---- who may sign ---- */

/* The texts are borrowed. */
static bool take_certificates(struct members *members, const char *pems[AUTHORITY_KEYS_MAX],
                              size_t *ret_count)
{
    const json_t *array = members_take(members, "authorities");
    size_t count = json_array_size(array);
    if (count < 1 || count > AUTHORITY_KEYS_MAX)
        return members_refuse(members, NOT_AUTHORITIES);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        pems[i] = json_string_value(value);
        if (pems[i] == NULL || strlen(pems[i]) != json_string_length(value))
            return members_refuse(members, NOT_AUTHORITIES);
    }
    *ret_count = count;
    return true;
}

static bool take_authorities(struct members *members, struct grant_settings *settings)
{
    const char *pems[AUTHORITY_KEYS_MAX];
    size_t count = 0;
    int64_t threshold = 0;
    if (!take_certificates(members, pems, &count) ||
        !members_take_number(members, "threshold", (struct members_range){1, (int64_t)count},
                             &threshold,
                             "settings.threshold must be 1 to the number of authorities."))
        return false;
    enum error e =
        authority_set_new(pems, count, (unsigned)threshold, &settings->authorities, NULL);
    if (e == ERR_INTERNAL)
        return members_fail_memory(members);
    return e == ERR_OK ||
           members_refuse(members,
                          "settings.authorities must be certificates with different keys: EC "
                          "(P-256, P-384, P-521), RSA from 2048 bits or Ed25519.");
}

bool settings_read(struct members *members, struct grant_settings *settings)
{
    return members_take_name(members, "profile", settings->profile, GRANT_PROFILE_MAX,
                             "settings.profile must be a name of at most 15 bytes.") &&
           take_policy(members, settings) && take_exposure(members, settings) &&
           take_attempts(members, settings) && take_anchors(members, settings) &&
           take_options(members, settings) && take_authorities(members, settings) &&
           (members_are_all_taken(members) ||
            members_refuse(members, "settings has a member that is not known."));
}
