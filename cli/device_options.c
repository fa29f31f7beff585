/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Options into settings. Owns no state. */
#include "cli/device_options.h"

#include <string.h>

#include <jansson.h>

#include "cli/file_input.h"
#include "license/license.h"

#define KEYS_TEXT_MAX 64
#define CRL_HOURS_MAX 8760 /* a year */

static const struct {
    const char *name;
    enum license_key key;
} KEYS[] = {
    {"p256", LICENSE_P256},
    {"p384", LICENSE_P384},
    {"rsa", LICENSE_RSA},
    {"x25519", LICENSE_X25519},
};
#define KEY_COUNT (sizeof KEYS / sizeof KEYS[0])

static bool is_profile(const char *profile, const char *name)
{
    return strcmp(profile, name) == 0;
}

enum error device_options_check_profile(const char *profile, struct failure *failure)
{
    if (license_profile_find(profile) != NULL)
        return ERR_OK;
    return failure_set_usage(failure, "--profile is cms, suit, mcuboot, jwe, esp-rsa or st-sfi");
}

bool device_options_exposes(const char *profile)
{
    const struct license_profile *found = license_profile_find(profile);
    return found != NULL && license_exposes_session_key(found);
}

/* What belongs to another profile. The profile may be the mistake as well as the option. */
static enum error check_profile(const struct arguments *arguments, const char *profile,
                                struct failure *failure)
{
    enum option_id wrong = OPTION_COUNT;
    if (is_profile(profile, "st-sfi"))
        wrong = arguments_first(arguments, OPTIONS(DEVICE_OPTIONS));
    else if (!is_profile(profile, "suit") && arguments_has(arguments, OPTION_SUIT_KEY_WRAP))
        wrong = OPTION_SUIT_KEY_WRAP;
    else if (!is_profile(profile, "mcuboot") && arguments_has(arguments, OPTION_MCUBOOT_SHA512))
        wrong = OPTION_MCUBOOT_SHA512;
    else if (!device_options_exposes(profile) &&
             arguments_has(arguments, OPTION_ALLOW_SESSION_KEY_EXPOSURE))
        wrong = OPTION_ALLOW_SESSION_KEY_EXPOSURE;
    if (wrong == OPTION_COUNT)
        return ERR_OK;
    return failure_set_usage(failure, "--%s does not belong to --profile %s", arguments_name(wrong),
                             profile);
}

/* ---- keys ---- */

static bool add_key(const struct license_profile *profile, const char *name, json_t *keys)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(KEYS[i].name, name) == 0 && license_serves(profile, KEYS[i].key))
            return json_array_append_new(keys, json_string(name)) == 0;
    }
    return false;
}

/* P-256, or of a profile without it the first one that it serves: what the vault takes by itself.
 */
static bool add_default(const struct license_profile *profile, json_t *keys)
{
    size_t i = 0;
    while (!license_serves(profile, KEYS[i].key))
        i++;
    return add_key(profile, KEYS[i].name, keys);
}

static bool add_named(const struct license_profile *profile, const char *text, json_t *keys)
{
    char names[KEYS_TEXT_MAX];
    char *rest = NULL;
    if (strlen(text) >= sizeof names)
        return false;
    strcpy(names, text);
    for (char *name = strtok_r(names, ",", &rest); name != NULL;
         name = strtok_r(NULL, ",", &rest)) {
        if (!add_key(profile, name, keys))
            return false;
    }
    return json_array_size(keys) > 0;
}

static enum error read_keys(const struct arguments *arguments, const char *profile, json_t *keys,
                            struct failure *failure)
{
    const struct license_profile *found = license_profile_find(profile);
    const char *text = arguments_get(arguments, OPTION_DEVICE_KEYS);
    if (text == NULL ? add_default(found, keys) : add_named(found, text, keys))
        return ERR_OK;
    return failure_set_usage(failure,
                             "--device-keys wants a list of p256, p384, rsa and x25519 with commas "
                             "between them, and only keys that --profile %s serves",
                             profile);
}

/* ---- the others ---- */

static enum error read_word(const struct arguments *arguments, enum option_id option,
                            const char *const words[2], const char **ret_word,
                            struct failure *failure)
{
    *ret_word = arguments_get_or(arguments, option, words[0]);
    if (strcmp(*ret_word, words[0]) == 0 || strcmp(*ret_word, words[1]) == 0)
        return ERR_OK;
    return failure_set_usage(failure, "--%s is %s or %s", arguments_name(option), words[0],
                             words[1]);
}

/* What a device without a certificate has no use for. */
static enum error check_identity(const struct arguments *arguments, const char *identity,
                                 struct failure *failure)
{
    const enum option_id wrong = arguments_first(
        arguments, OPTIONS(OPTION_DEVICE_VALIDITY, OPTION_ACCEPT_SIGN_ONLY, OPTION_CRL_HOURS_MAX));
    if (strcmp(identity, "list") != 0 || wrong == OPTION_COUNT)
        return ERR_OK;
    return failure_set_usage(failure, "--%s does not belong to --device-identity list",
                             arguments_name(wrong));
}

static enum error fill(const struct arguments *arguments, const char *profile, json_t *settings,
                       struct failure *failure)
{
    static const char *const VALIDITIES[] = {"strict", "chain-valid-at-issue"};
    static const char *const IDENTITIES[] = {"certificate", "list"};
    static const char *const WRAPS[] = {"a128kw", "a256kw"};
    const char *validity = NULL;
    const char *wrap = NULL;
    int64_t crl_hours = 0;
    const char *identity = NULL;
    json_t *keys = json_array();
    (void)json_object_set_new(settings, "device_keys", keys);
    enum error e = read_keys(arguments, profile, keys, failure);
    if (e == ERR_OK)
        e = read_word(arguments, OPTION_DEVICE_VALIDITY, VALIDITIES, &validity, failure);
    if (e == ERR_OK)
        e = read_word(arguments, OPTION_DEVICE_IDENTITY, IDENTITIES, &identity, failure);
    if (e == ERR_OK)
        e = check_identity(arguments, identity, failure);
    if (e == ERR_OK)
        e = read_word(arguments, OPTION_SUIT_KEY_WRAP, WRAPS, &wrap, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_CRL_HOURS_MAX))
        e = arguments_get_number(arguments, OPTION_CRL_HOURS_MAX, 0, CRL_HOURS_MAX, &crl_hours,
                                 failure);
    if (e != ERR_OK)
        return e;
    if (strcmp(identity, IDENTITIES[1]) == 0) {
        (void)json_object_set_new(settings, "device_identity", json_string(identity));
    } else {
        (void)json_object_set_new(settings, "device_validity", json_string(validity));
        (void)json_object_set_new(settings, "accept_sign_only",
                                  json_boolean(arguments_has(arguments, OPTION_ACCEPT_SIGN_ONLY)));
        if (crl_hours > 0)
            (void)json_object_set_new(settings, "crl_hours_max", json_integer(crl_hours));
    }
    if (is_profile(profile, "suit"))
        (void)json_object_set_new(settings, "key_wrap", json_string(wrap));
    if (is_profile(profile, "mcuboot"))
        (void)json_object_set_new(settings, "sha512",
                                  json_boolean(arguments_has(arguments, OPTION_MCUBOOT_SHA512)));
    return ERR_OK;
}

enum error device_options_read(const struct arguments *arguments, const char *profile, char *out,
                               struct failure *failure)
{
    out[0] = '\0';
    enum error e = check_profile(arguments, profile, failure);
    if (e != ERR_OK || arguments_first(arguments, OPTIONS(DEVICE_OPTIONS)) == OPTION_COUNT)
        return e;
    json_t *settings = json_object();
    e = fill(arguments, profile, settings, failure);
    size_t length = e == ERR_OK ? json_dumpb(settings, out, DEVICE_OPTIONS_SIZE - 1,
                                             JSON_COMPACT | JSON_SORT_KEYS)
                                : 0;
    json_decref(settings);
    if (e != ERR_OK)
        return e;
    if (length == 0 || length >= DEVICE_OPTIONS_SIZE)
        return failure_set_memory(failure);
    out[length] = '\0';
    return ERR_OK;
}

enum error device_options_anchors(const struct arguments *arguments, const char *profile,
                                  char **ret_pem, struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_ANCHORS);
    const char *identity = arguments_get_or(arguments, OPTION_DEVICE_IDENTITY, "certificate");
    if (is_profile(profile, "st-sfi"))
        return file_input_read_public_keys(path, ret_pem, failure);
    return strcmp(identity, "list") == 0 ? file_input_read_signers(path, ret_pem, failure)
                                         : file_input_read_pem(path, ret_pem, failure);
}
