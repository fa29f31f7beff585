/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Options into a struct grant. Owns no state. */
#include "cli/grant_form.h"

#include <stdio.h>
#include <string.h>

#include "cli/anchor.h"
#include "cli/authorities.h"
#include "cli/file_input.h"
#include "core/clock.h"

#define DEFAULT_PROFILE "cms"
#define DEFAULT_POLICY  "per-device"

/* ---- values ---- */

static enum error read_digest(const struct arguments *arguments, enum option_id option,
                              struct sha256 *ret_digest, struct failure *failure)
{
    if (hex_decode(arguments_get(arguments, option), ret_digest->bytes, SHA256_SIZE))
        return ERR_OK;
    return failure_set_usage(failure, "--%s wants 64 lower-case hex digits",
                             arguments_name(option));
}

static enum error read_time(const struct arguments *arguments, enum option_id option,
                            int64_t *ret_time, struct failure *failure)
{
    const char *text = arguments_get(arguments, option);
    if (text == NULL || (timestamp_parse(text, ret_time) && *ret_time > 0))
        return ERR_OK;
    return failure_set_usage(failure, "--%s wants a time in UTC like 2026-11-27T10:00:00Z",
                             arguments_name(option));
}

static enum error read_head(const struct arguments *arguments, enum option_id option,
                            struct grant_head *ret_head, struct failure *failure)
{
    struct journal_head head;
    if (!head_parse(arguments_get(arguments, option), &head) || head.size > GRANT_TREE_SIZE_MAX)
        return failure_set_usage(failure,
                                 "--%s wants SIZE:ROOT as provctl status shows it: a number of "
                                 "leaves, and 64 lower-case hex digits",
                                 arguments_name(option));
    *ret_head = (struct grant_head){.size = head.size, .root = head.root};
    return ERR_OK;
}

static enum error read_sequence(const struct arguments *arguments, struct grant *grant,
                                struct failure *failure)
{
    return arguments_get_number(arguments, OPTION_SEQUENCE, 1, GRANT_SEQUENCE_MAX, &grant->sequence,
                                failure);
}

/* ---- policies ---- */

static bool is_st_sfi(const struct grant_settings *settings)
{
    return strcmp(settings->profile, ST_PROFILE) == 0;
}

/* What the factory would refuse is found here, before anybody signs. */
static enum error read_words(const struct arguments *arguments, struct grant_settings *settings,
                             struct failure *failure)
{
    const char *profile = arguments_get_or(arguments, OPTION_PROFILE, DEFAULT_PROFILE);
    const char *policy = arguments_get_or(arguments, OPTION_POLICY, DEFAULT_POLICY);
    enum error e = device_options_check_profile(profile, failure);
    if (e != ERR_OK)
        return e;
    if (!grant_policy_parse(policy, &settings->policy))
        return failure_set_usage(failure, "--policy is per-device or per-license");
    (void)snprintf(settings->profile, sizeof settings->profile, "%s", profile);
    return ERR_OK;
}

static enum error read_options(const struct arguments *arguments, struct grant_settings *settings,
                               struct failure *failure)
{
    struct st_options st;
    enum error e = st_options_read(arguments, is_st_sfi(settings), &st, failure);
    if (e == ERR_OK)
        e = device_options_read(arguments, settings->profile, settings->options, failure);
    if (e != ERR_OK)
        return e;
    if (device_options_exposes(settings->profile) && !settings->allows_key_exposure)
        return failure_set_usage(failure,
                                 "--profile %s wants --allow-session-key-exposure as well: no "
                                 "server makes such a product without it",
                                 settings->profile);
    if (!is_st_sfi(settings))
        return ERR_OK;
    return st_options_settings(&st, settings->options, sizeof settings->options, failure);
}

static enum error read_attempts(const struct arguments *arguments, struct grant_settings *settings,
                                struct failure *failure)
{
    if (!arguments_has(arguments, OPTION_ATTEMPTS_MAX))
        return ERR_OK;
    return arguments_get_number(arguments, OPTION_ATTEMPTS_MAX, 1, GRANT_ATTEMPTS_MAX,
                                &settings->attempts_max, failure);
}

static enum error read_anchors(const struct arguments *arguments, struct grant_settings *settings,
                               struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_ANCHORS);
    return is_st_sfi(settings) ? file_input_read_public_keys(path, &settings->anchors, failure)
                               : file_input_read_pem(path, &settings->anchors, failure);
}

static enum error fill_policy(const struct arguments *arguments, struct grant *grant,
                              struct failure *failure)
{
    struct grant_settings *settings = &grant->settings;
    settings->allows_key_exposure = arguments_has(arguments, OPTION_ALLOW_SESSION_KEY_EXPOSURE);
    enum error e = read_sequence(arguments, grant, failure);
    if (e == ERR_OK)
        e = read_words(arguments, settings, failure);
    if (e == ERR_OK)
        e = read_options(arguments, settings, failure);
    if (e == ERR_OK)
        e = read_attempts(arguments, settings, failure);
    if (e == ERR_OK)
        e = read_anchors(arguments, settings, failure);
    return e == ERR_OK ? authorities_read(arguments, &settings->authorities, failure) : e;
}

/* ---- the other kinds ---- */

static enum error fill_units(const struct arguments *arguments, struct grant *grant,
                             struct failure *failure)
{
    (void)snprintf(grant->lot, sizeof grant->lot, "%s",
                   arguments_get_or(arguments, OPTION_LOT, ""));
    return arguments_get_number(arguments, OPTION_UNITS, 1, GRANT_UNITS_MAX, &grant->units,
                                failure);
}

static enum error fill_rebind(const struct arguments *arguments, struct grant *grant,
                              struct failure *failure)
{
    (void)snprintf(grant->serial, sizeof grant->serial, "%s",
                   arguments_get(arguments, OPTION_SERIAL));
    enum error e = read_sequence(arguments, grant, failure);
    if (e == ERR_OK)
        e = read_digest(arguments, OPTION_OLD_KEY, &grant->old_key, failure);
    return e == ERR_OK ? read_digest(arguments, OPTION_NEW_KEY, &grant->new_key, failure) : e;
}

static enum error fill_standby(const struct arguments *arguments, struct grant *grant,
                               struct failure *failure)
{
    grant->is_allowed = !arguments_has(arguments, OPTION_WITHDRAW);
    enum error e = read_sequence(arguments, grant, failure);
    if (e == ERR_OK)
        e = read_digest(arguments, OPTION_STANDBY, &grant->standby, failure);
    return e == ERR_OK
               ? read_digest(arguments, OPTION_TRANSPORT_KEY, &grant->transport_key, failure)
               : e;
}

static enum error fill_override(const struct arguments *arguments, struct grant *grant,
                                struct failure *failure)
{
    enum error e = read_head(arguments, OPTION_ANCHOR, &grant->anchor, failure);
    return e == ERR_OK ? read_head(arguments, OPTION_HEAD, &grant->head, failure) : e;
}

/* What each kind demands and takes beside the common options. */
static const struct kind_form {
    const enum option_id *required;
    const enum option_id *optional;
    enum grant_kind kind;
    enum error (*fill)(const struct arguments *arguments, struct grant *grant,
                       struct failure *failure);
} KIND_FORMS[] = {
    {OPTIONS(OPTION_UNITS), OPTIONS(OPTION_LOT), GRANT_INSTALL, fill_units},
    {OPTIONS(OPTION_UNITS), OPTIONS(OPTION_LOT), GRANT_SCRAP, fill_units},
    {OPTIONS(OPTION_UNITS), OPTIONS(OPTION_LOT), GRANT_REVOKE, fill_units},
    {OPTIONS(OPTION_SEQUENCE, OPTION_ANCHORS, OPTION_AUTHORITIES, OPTION_THRESHOLD),
     OPTIONS(OPTION_PROFILE, OPTION_POLICY, OPTION_ATTEMPTS_MAX, ST_OPTIONS, DEVICE_OPTIONS,
             OPTION_ALLOW_SESSION_KEY_EXPOSURE),
     GRANT_POLICY, fill_policy},
    {OPTIONS(OPTION_ANCHOR, OPTION_HEAD), NULL, GRANT_OVERRIDE, fill_override},
    {OPTIONS(OPTION_SEQUENCE, OPTION_SERIAL, OPTION_OLD_KEY, OPTION_NEW_KEY), NULL, GRANT_REBIND,
     fill_rebind},
    {OPTIONS(OPTION_SEQUENCE, OPTION_STANDBY, OPTION_TRANSPORT_KEY), OPTIONS(OPTION_WITHDRAW),
     GRANT_STANDBY, fill_standby},
};

static enum error find_form(const struct arguments *arguments, const struct kind_form **ret_form,
                            struct failure *failure)
{
    enum grant_kind kind;
    if (!grant_kind_parse(arguments_get(arguments, OPTION_KIND), &kind))
        return failure_set_usage(failure,
                                 "--kind is install, scrap, revoke, policy, rebind, standby or "
                                 "override");
    size_t i = 0;
    while (KIND_FORMS[i].kind != kind)
        i++;
    *ret_form = &KIND_FORMS[i];
    return ERR_OK;
}

/* An option of another kind would be lost silently. */
static enum error check_options(const struct arguments *arguments, const struct kind_form *form,
                                struct failure *failure)
{
    const enum option_id *of_a_kind = OPTIONS(GRANT_FORM_OPTIONAL);
    for (size_t i = 0; of_a_kind[i] != OPTION_COUNT; i++) {
        const bool is_taken = of_a_kind[i] == OPTION_NOT_BEFORE ||
                              of_a_kind[i] == OPTION_NOT_AFTER ||
                              options_have(form->required, of_a_kind[i]) ||
                              options_have(form->optional, of_a_kind[i]);
        if (!is_taken && arguments_has(arguments, of_a_kind[i]))
            return failure_set_usage(failure, "A document of the kind %s has no --%s",
                                     grant_kind_name(form->kind), arguments_name(of_a_kind[i]));
    }
    return arguments_demand(arguments, form->required, failure);
}

static enum error fill_common(const struct arguments *arguments, struct grant *grant,
                              struct failure *failure)
{
    (void)snprintf(grant->product, sizeof grant->product, "%s",
                   arguments_get(arguments, OPTION_PRODUCT));
    (void)snprintf(grant->site, sizeof grant->site, "%s", arguments_get(arguments, OPTION_SITE));
    grant->issued_unix_ms = clock_unix_ms();
    grant->id = uuid_new(grant->issued_unix_ms);
    enum error e = read_digest(arguments, OPTION_HSM, &grant->hsm, failure);
    if (e == ERR_OK)
        e = read_time(arguments, OPTION_NOT_BEFORE, &grant->not_before_unix_ms, failure);
    return e == ERR_OK ? read_time(arguments, OPTION_NOT_AFTER, &grant->not_after_unix_ms, failure)
                       : e;
}

enum error grant_form_read(const struct arguments *arguments, struct grant *ret_grant,
                           struct failure *failure)
{
    const struct kind_form *form = NULL;
    *ret_grant = (struct grant){0};
    enum error e = find_form(arguments, &form, failure);
    if (e == ERR_OK)
        e = check_options(arguments, form, failure);
    if (e != ERR_OK)
        return e;
    ret_grant->kind = form->kind;
    e = fill_common(arguments, ret_grant, failure);
    return e == ERR_OK ? form->fill(arguments, ret_grant, failure) : e;
}
