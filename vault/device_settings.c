/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Settings from JSON text. Owns no state. */
#include "vault/device_settings.h"

#include <string.h>

#include <jansson.h>

static const struct {
    const char *name;
    enum device_key_type type;
    enum license_key key;
} KEYS[] = {
    {"p256", DEVICE_KEY_P256, LICENSE_P256},
    {"p384", DEVICE_KEY_P384, LICENSE_P384},
    {"rsa", DEVICE_KEY_RSA, LICENSE_RSA},
    {"x25519", DEVICE_KEY_X25519, LICENSE_X25519},
};
#define KEY_COUNT (sizeof KEYS / sizeof KEYS[0])

/* The members of the JSON object as they are read; those that are missing stay as they are. */
struct members {
    json_t *keys;
    const char *validity;
    int accepts_sign_only;
    json_int_t crl_hours_max;
    const char *key_wrap;
    int uses_sha512;
    const char *identity;
};

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

enum license_key device_settings_key(enum device_key_type type)
{
    size_t i = 0;
    while (KEYS[i].type != type)
        i++;
    return KEYS[i].key;
}

/* P-256, or of a profile without it the first one that it serves. */
static unsigned default_keys(const struct license_profile *profile)
{
    size_t i = 0;
    while (!license_serves(profile, KEYS[i].key))
        i++;
    return DEVICE_KEY_BIT(KEYS[i].type);
}

static unsigned key_bit(const struct license_profile *profile, const char *name)
{
    for (size_t i = 0; i < KEY_COUNT && name != NULL; i++) {
        if (strcmp(KEYS[i].name, name) == 0 && license_serves(profile, KEYS[i].key))
            return DEVICE_KEY_BIT(KEYS[i].type);
    }
    return 0;
}

static enum error take_keys(const struct license_profile *profile, const json_t *names,
                            unsigned *keys, struct fault *fault)
{
    unsigned taken = 0;
    if (names == NULL)
        return ERR_OK;
    for (size_t i = 0; i < json_array_size(names); i++) {
        unsigned bit = key_bit(profile, json_string_value(json_array_get(names, i)));
        if (bit == 0)
            return refuse(fault, "device-keys",
                          "Keys of devices are p256, p384, rsa and x25519, and of those the "
                          "profile must serve each one that is named.");
        taken |= bit;
    }
    if (taken == 0)
        return refuse(fault, "device-keys", "Name one kind of device key at least.");
    *keys = taken;
    return ERR_OK;
}

static bool is_one_of(const char *text, const char *first, const char *second)
{
    return strcmp(text, first) == 0 || strcmp(text, second) == 0;
}

static bool is_profile(const struct license_profile *profile, const char *name)
{
    return strcmp(license_profile_name(profile), name) == 0;
}

static bool is_list(const struct members *members)
{
    return strcmp(members->identity, "list") == 0;
}

/* A raw key has neither dates nor uses, nor an issuer to be named by. */
static enum error check_identity(const struct license_profile *profile,
                                 const struct members *members, struct fault *fault)
{
    if (!is_list(members))
        return ERR_OK;
    if (is_profile(profile, "cms"))
        return refuse(fault, "list-profile",
                      "A cms license names its device by its certificate's issuer and number; "
                      "devices without certificates can have suit, mcuboot, jwe or esp-rsa.");
    if (members->accepts_sign_only || members->crl_hours_max != 0 ||
        strcmp(members->validity, "strict") != 0)
        return refuse(
            fault, "list-settings",
            "Devices without certificates have no validity, no key usage and no revocation "
            "lists: leave device_validity, accept_sign_only and crl_hours_max out.");
    return ERR_OK;
}

static enum error take_members(const struct license_profile *profile, const struct members *members,
                               struct device_settings *settings, struct fault *fault)
{
    if (!is_one_of(members->validity, "strict", "chain-valid-at-issue"))
        return refuse(fault, "options",
                      "The member device_validity is strict or chain-valid-at-issue.");
    if (members->crl_hours_max < 0 || members->crl_hours_max > DEVICE_CRL_HOURS_MAX)
        return refuse(fault, "options",
                      "The member crl_hours_max is 0 (no revocation lists are asked for) to 8760.");
    if (!is_one_of(members->identity, "certificate", "list"))
        return refuse(fault, "options", "The member device_identity is certificate or list.");
    enum error e = check_identity(profile, members, fault);
    if (e != ERR_OK)
        return e;
    if (members->key_wrap[0] != '\0' &&
        (!is_profile(profile, "suit") || !is_one_of(members->key_wrap, "a128kw", "a256kw")))
        return refuse(fault, "options",
                      "The member key_wrap belongs to the profile suit and is a128kw or a256kw.");
    if (members->uses_sha512 && !is_profile(profile, "mcuboot"))
        return refuse(fault, "options", "The member sha512 belongs to the profile mcuboot.");
    settings->uses_list = is_list(members);
    settings->policy.validity =
        strcmp(members->validity, "strict") == 0 ? DEVICE_STRICT : DEVICE_CHAIN_VALID_AT_ISSUE;
    settings->policy.accepts_sign_only = members->accepts_sign_only != 0;
    settings->policy.crl_hours_max = (unsigned)members->crl_hours_max;
    settings->uses_kw256 = strcmp(members->key_wrap, "a256kw") == 0;
    settings->uses_sha512 = members->uses_sha512 != 0;
    return take_keys(profile, members->keys, &settings->policy.keys, fault);
}

/* Members borrow from json. */
static bool unpack(json_t *json, struct members *members)
{
    return json_unpack_ex(json, NULL, JSON_STRICT, "{s?o, s?s, s?b, s?I, s?s, s?b, s?s}",
                          "device_keys", &members->keys, "device_validity", &members->validity,
                          "accept_sign_only", &members->accepts_sign_only, "crl_hours_max",
                          &members->crl_hours_max, "key_wrap", &members->key_wrap, "sha512",
                          &members->uses_sha512, "device_identity", &members->identity) == 0 &&
           (members->keys == NULL || json_is_array(members->keys));
}

enum error device_settings_parse(const struct license_profile *profile, const char *text,
                                 struct device_settings *ret_settings, struct fault *fault)
{
    struct members members = {.validity = "strict", .key_wrap = "", .identity = "certificate"};
    struct device_settings settings = {.policy = {.keys = default_keys(profile)}};
    json_t *json = json_loads(text[0] != '\0' ? text : "{}", JSON_REJECT_DUPLICATES, NULL);
    enum error e = json != NULL && unpack(json, &members)
                       ? take_members(profile, &members, &settings, fault)
                       : refuse(fault, "options",
                                "The settings of a product with X.509 devices are an object with "
                                "the members device_identity, device_keys, device_validity, "
                                "accept_sign_only, crl_hours_max, and "
                                "key_wrap (suit) or sha512 (mcuboot).");
    json_decref(json);
    if (e == ERR_OK)
        *ret_settings = settings;
    return e;
}
