/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl grant new: a document from options, ready to be signed; asks nobody. Owns no state. */
#include "cli/grant_new.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/text.h"
#include "core/clock.h"
#include "grant/grant.h"

#define BIT(name) OPTION_BIT(OPTION_##name)
#define COMMON_OPTIONS \
    (BIT(KIND) | BIT(PRODUCT) | BIT(SITE) | BIT(HSM) | BIT(OUT) | BIT(NOT_BEFORE) | BIT(NOT_AFTER))
#define PEM_BEGIN    "-----BEGIN CERTIFICATE-----"
#define PEM_END      "-----END CERTIFICATE-----"
#define SEQUENCE_MAX 2147483647

static enum error read_digest(const struct arguments *arguments, enum option_id option,
                              struct sha256 *ret_digest, struct failure *failure)
{
    const char *text = arguments_get(arguments, option);
    if (text == NULL || !hex_decode(text, ret_digest->bytes, SHA256_SIZE))
        return failure_set_usage(failure, "--%s wants 64 lower-case hex digits",
                                 arguments_name(option));
    return ERR_OK;
}

static enum error read_time(const struct arguments *arguments, enum option_id option,
                            int64_t *ret_time, struct failure *failure)
{
    const char *text = arguments_get(arguments, option);
    if (text == NULL || timestamp_parse(text, ret_time))
        return ERR_OK;
    return failure_set_usage(failure, "--%s wants a time like 2026-11-27T10:00:00Z",
                             arguments_name(option));
}

enum error grant_read_head(const struct arguments *arguments, enum option_id option,
                           int64_t *ret_size, struct sha256 *ret_root, struct failure *failure)
{
    char size[NUMBER_TEXT_SIZE];
    const char *text = arguments_get(arguments, option);
    const char *colon = text != NULL ? strchr(text, ':') : NULL;
    if (colon != NULL && (size_t)(colon - text) < sizeof size) {
        (void)snprintf(size, sizeof size, "%.*s", (int)(colon - text), text);
        if (text_parse_number(size, 0, GRANT_TREE_SIZE_MAX, ret_size) &&
            hex_decode(colon + 1, ret_root->bytes, SHA256_SIZE))
            return ERR_OK;
    }
    return failure_set_usage(failure, "--%s wants SIZE:ROOT, as provctl status shows it",
                             arguments_name(option));
}

/* ---- kinds ---- */

static enum error fill_units(const struct arguments *arguments, struct grant *grant,
                             struct failure *failure)
{
    (void)snprintf(grant->lot, sizeof grant->lot, "%s",
                   arguments_get_or(arguments, OPTION_LOT, ""));
    return arguments_get_number(arguments, OPTION_UNITS, 1, GRANT_UNITS_MAX, &grant->units,
                                failure);
}

/* The certificates of a PEM text, one after the other; the texts are cut out of it in place. */
static size_t split_certificates(char *text, const char *pems[AUTHORITY_KEYS_MAX + 1])
{
    size_t count = 0;
    char *at = strstr(text, PEM_BEGIN);
    while (at != NULL && count <= AUTHORITY_KEYS_MAX) {
        char *end = strstr(at, PEM_END);
        if (end == NULL)
            break;
        end += strlen(PEM_END);
        char *next = strstr(end, PEM_BEGIN);
        if (*end != '\0')
            *end = '\0';
        pems[count++] = at;
        at = next;
    }
    return count;
}

enum error grant_read_authorities(const struct arguments *arguments, struct authority_set **ret_set,
                                  struct failure *failure)
{
    const char *pems[AUTHORITY_KEYS_MAX + 1];
    char *text = NULL;
    int64_t threshold = 0;
    struct fault fault;
    enum error e =
        file_input_read_pem(arguments_get(arguments, OPTION_AUTHORITIES), &text, failure);
    if (e != ERR_OK)
        return e;
    size_t count = split_certificates(text, pems);
    e = arguments_get_number(arguments, OPTION_THRESHOLD, 1, AUTHORITY_KEYS_MAX, &threshold,
                             failure);
    if (e == ERR_OK &&
        authority_set_new(pems, count, (unsigned)threshold, ret_set, &fault) != ERR_OK)
        e = failure_set_usage(failure, "--authorities and --threshold: %s", fault.detail);
    free(text);
    return e;
}

static enum error fill_policy(const struct arguments *arguments, struct grant *grant,
                              struct failure *failure)
{
    struct grant_settings *settings = &grant->settings;
    const char *policy = arguments_get_or(arguments, OPTION_POLICY, "per-device");
    (void)snprintf(settings->profile, sizeof settings->profile, "%s",
                   arguments_get_or(arguments, OPTION_PROFILE, "cms"));
    (void)snprintf(settings->options, sizeof settings->options, "%s",
                   arguments_get_or(arguments, OPTION_OPTIONS, ""));
    settings->allows_key_exposure = arguments_has(arguments, OPTION_ALLOW_SESSION_KEY_EXPOSURE);
    if (!grant_policy_parse(policy, &settings->policy))
        return failure_set_usage(failure, "--policy wants per-device or per-license");
    enum error e = arguments_get_number(arguments, OPTION_SEQUENCE, 1, SEQUENCE_MAX,
                                        &grant->sequence, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_ATTEMPTS_MAX))
        e = arguments_get_number(arguments, OPTION_ATTEMPTS_MAX, 1, GRANT_ATTEMPTS_MAX,
                                 &settings->attempts_max, failure);
    if (e == ERR_OK)
        e = strcmp(settings->profile, "st-sfi") == 0
                ? file_input_read_public_keys(arguments_get(arguments, OPTION_ANCHORS),
                                              &settings->anchors, failure)
                : file_input_read_pem(arguments_get(arguments, OPTION_ANCHORS), &settings->anchors,
                                      failure);
    return e == ERR_OK ? grant_read_authorities(arguments, &settings->authorities, failure) : e;
}

static enum error fill_rebind(const struct arguments *arguments, struct grant *grant,
                              struct failure *failure)
{
    const char *serial = arguments_get(arguments, OPTION_SERIAL);
    if (strlen(serial) > GRANT_SERIAL_MAX)
        return failure_set_usage(failure, "--serial wants at most 64 bytes");
    strcpy(grant->serial, serial);
    enum error e = arguments_get_number(arguments, OPTION_SEQUENCE, 1, SEQUENCE_MAX,
                                        &grant->sequence, failure);
    if (e == ERR_OK)
        e = read_digest(arguments, OPTION_OLD_KEY, &grant->old_key, failure);
    if (e == ERR_OK)
        e = read_digest(arguments, OPTION_NEW_KEY, &grant->new_key, failure);
    return e;
}

static enum error fill_override(const struct arguments *arguments, struct grant *grant,
                                struct failure *failure)
{
    enum error e = grant_read_head(arguments, OPTION_ANCHOR, &grant->anchor.size,
                                   &grant->anchor.root, failure);
    if (e == ERR_OK)
        e = grant_read_head(arguments, OPTION_HEAD, &grant->head.size, &grant->head.root, failure);
    return e;
}

/* What each kind demands and takes beside the common options. */
static const struct kind_form {
    option_mask required;
    option_mask optional;
    enum grant_kind kind;
    enum error (*fill)(const struct arguments *arguments, struct grant *grant,
                       struct failure *failure);
} KIND_FORMS[] = {
    {BIT(UNITS), BIT(LOT), GRANT_INSTALL, fill_units},
    {BIT(UNITS), BIT(LOT), GRANT_SCRAP, fill_units},
    {BIT(UNITS), BIT(LOT), GRANT_REVOKE, fill_units},
    {BIT(SEQUENCE) | BIT(ANCHORS) | BIT(AUTHORITIES) | BIT(THRESHOLD),
     BIT(PROFILE) | BIT(POLICY) | BIT(ALLOW_SESSION_KEY_EXPOSURE) | BIT(OPTIONS) |
         BIT(ATTEMPTS_MAX),
     GRANT_POLICY, fill_policy},
    {BIT(ANCHOR) | BIT(HEAD), 0, GRANT_OVERRIDE, fill_override},
    {BIT(SEQUENCE) | BIT(SERIAL) | BIT(OLD_KEY) | BIT(NEW_KEY), 0, GRANT_REBIND, fill_rebind},
};

static enum error find_kind(const struct arguments *arguments, const struct kind_form **ret_form,
                            struct failure *failure)
{
    enum grant_kind kind;
    if (!grant_kind_parse(arguments_get(arguments, OPTION_KIND), &kind))
        return failure_set_usage(failure,
                                 "--kind wants install, scrap, revoke, policy, override or rebind");
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
    option_mask taken = COMMON_OPTIONS | BIT(JSON) | BIT(HELP) | form->required | form->optional;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (arguments_has(arguments, (enum option_id)i) && (taken & OPTION_BIT(i)) == 0)
            return failure_set_usage(failure, "A document of the kind %s has no --%s",
                                     grant_kind_name(form->kind),
                                     arguments_name((enum option_id)i));
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
    if (e == ERR_OK)
        e = read_time(arguments, OPTION_NOT_AFTER, &grant->not_after_unix_ms, failure);
    return e;
}

/* ---- the file ---- */

static enum error print_next(const struct arguments *arguments, const struct grant *grant,
                             struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_OUT);
    char id[UUID_SIZE * 2 + 5];
    uuid_format(&grant->id, "", id, sizeof id);
    if (strcmp(path, "-") == 0)
        return ERR_OK;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:s, s:s, s:s}", "grant_id", id, "kind",
                                     grant_kind_name(grant->kind), "file", path),
                           failure);
    (void)printf("%s is written. Sign it; each further signer with openssl cms -resign:\n"
                 "openssl cms -sign -nodetach -binary -outform DER -in %s -signer CERT.pem -inkey "
                 "KEY.pem -out %s.p7s\n",
                 path, path, path);
    return ERR_OK;
}

static enum error write_document(const struct arguments *arguments, const struct grant *grant,
                                 struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    struct fault fault;
    char *text = NULL;
    if (grant_write(grant, &text, &fault) != ERR_OK)
        return failure_set_usage(failure, "The document cannot be made: %s", fault.detail);
    enum error e = file_output_open(arguments_get(arguments, OPTION_OUT), &output, failure);
    if (e == ERR_OK)
        e = file_output_commit(&output, bytes_of(text, strlen(text)), failure);
    free(text);
    return e == ERR_OK ? print_next(arguments, grant, failure) : e;
}

enum error command_grant_new(const struct arguments *arguments, struct failure *failure)
{
    const struct kind_form *form = NULL;
    struct grant grant = {0};
    enum error e = find_kind(arguments, &form, failure);
    if (e == ERR_OK)
        e = check_options(arguments, form, failure);
    if (e != ERR_OK)
        return e;
    grant.kind = form->kind;
    e = fill_common(arguments, &grant, failure);
    if (e == ERR_OK)
        e = form->fill(arguments, &grant, failure);
    if (e == ERR_OK)
        e = write_document(arguments, &grant, failure);
    grant_clear(&grant);
    return e;
}
