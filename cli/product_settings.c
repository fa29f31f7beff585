/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The words for settings. Owns no state. */
#include "cli/product_settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/st_options.h"

#define VALUE_MAX     256
#define KDF_KEY_BYTES 16

/* ---- values in words; a text that is not as expected is shown as it is ---- */

static void explain_chips(const json_t *settings, const json_t *value, char out[VALUE_MAX])
{
    const char *text = json_string_value(value);
    (void)settings;
    if (text != NULL && strlen(text) == 8)
        (void)snprintf(out, VALUE_MAX, "chip ID %.3s, security counter %.2s (from %s)", text,
                       text + 3, text);
}

static void explain_signed(const json_t *settings, const json_t *value, char out[VALUE_MAX])
{
    const char *text = json_string_value(value);
    (void)settings;
    if (text != NULL && strcmp(text, "key") == 0)
        (void)snprintf(out, VALUE_MAX, "public key only: a chip's product ID is not proven");
    else if (text != NULL && strcmp(text, "id-and-key") == 0)
        (void)snprintf(out, VALUE_MAX, "product ID and public key");
}

static void explain_info(const json_t *settings, const json_t *value, char out[VALUE_MAX])
{
    const char *text = json_string_value(value);
    (void)settings;
    if (text != NULL && strcmp(text, ST_REFERENCE_INFO) == 0)
        (void)snprintf(out, VALUE_MAX, "%s (reference value)", text);
}

static void explain_part(const json_t *offset, json_int_t bytes, char out[VALUE_MAX])
{
    json_int_t first = json_integer_value(offset);
    if (json_is_integer(offset) && first >= 0 && first <= UINT32_MAX && bytes > 0 &&
        bytes <= UINT32_MAX)
        (void)snprintf(out, VALUE_MAX, "bytes %" PRId64 " to %" PRId64, (int64_t)first,
                       (int64_t)(first + bytes - 1));
}

static void explain_key(const json_t *settings, const json_t *value, char out[VALUE_MAX])
{
    (void)settings;
    explain_part(value, KDF_KEY_BYTES, out);
}

static void explain_iv(const json_t *settings, const json_t *value, char out[VALUE_MAX])
{
    explain_part(value, json_integer_value(json_object_get(settings, "kdf_iv_bytes")), out);
}

static void explain_keys(const json_t *settings, const json_t *value, char out[VALUE_MAX])
{
    size_t used = 0;
    (void)settings;
    if (!json_is_array(value))
        return;
    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(value) && used < VALUE_MAX; i++) {
        const char *name = json_string_value(json_array_get(value, i));
        used += (size_t)snprintf(out + used, VALUE_MAX - used, "%s%s", i > 0 ? ", " : "",
                                 name != NULL ? name : "?");
    }
}

static void explain_validity(const json_t *settings, const json_t *value, char out[VALUE_MAX])
{
    const char *text = json_string_value(value);
    (void)settings;
    if (text != NULL && strcmp(text, "strict") == 0)
        (void)snprintf(out, VALUE_MAX, "each of the chain is valid now (strict)");
    else if (text != NULL && strcmp(text, "chain-valid-at-issue") == 0)
        (void)snprintf(out, VALUE_MAX,
                       "the CAs' were valid when the device's was issued "
                       "(chain-valid-at-issue)");
}

static void explain_identity(const json_t *settings, const json_t *value, char out[VALUE_MAX])
{
    const char *text = json_string_value(value);
    (void)settings;
    if (text != NULL && strcmp(text, "list") == 0)
        (void)snprintf(out, VALUE_MAX, "a public key that a signed list names (list)");
    else if (text != NULL && strcmp(text, "certificate") == 0)
        (void)snprintf(out, VALUE_MAX, "a certificate");
}

static void explain_sign_only(const json_t *settings, const json_t *value, char out[VALUE_MAX])
{
    (void)settings;
    (void)snprintf(out, VALUE_MAX, json_is_true(value) ? "taken" : "refused");
}

static void explain_crls(const json_t *settings, const json_t *value, char out[VALUE_MAX])
{
    (void)settings;
    if (json_integer_value(value) == 0)
        (void)snprintf(out, VALUE_MAX, "not asked for");
    else
        (void)snprintf(out, VALUE_MAX, "at most %lld hours old",
                       (long long)json_integer_value(value));
}

static void explain_sha512(const json_t *settings, const json_t *value, char out[VALUE_MAX])
{
    (void)settings;
    (void)snprintf(out, VALUE_MAX,
                   json_is_true(value) ? "SHA-512 (TLV 0x34)" : "SHA-256 (TLV 0x33)");
}

static const struct {
    const char *member;
    const char *name; /* NULL: told by another row */
    void (*explain)(const json_t *settings, const json_t *value, char out[VALUE_MAX]);
} SETTINGS[] = {
    {"product_id", "Chips", explain_chips},
    {"signed", "Signed by ST's key", explain_signed},
    {"license_type", "License type", NULL},
    {"minimum_boot_version", "Minimum boot version", NULL},
    {"kdf_shared_info", "KDF shared info", explain_info},
    {"kdf_key_offset", "KDF output, key", explain_key},
    {"kdf_iv_offset", "KDF output, IV", explain_iv},
    {"kdf_iv_bytes", NULL, NULL},
    {"device_keys", "Device keys", explain_keys},
    {"device_identity", "Devices show", explain_identity},
    {"device_validity", "Device certificates", explain_validity},
    {"accept_sign_only", "Sign-only certificates", explain_sign_only},
    {"crl_hours_max", "Revocation lists", explain_crls},
    {"key_wrap", "Key wrap", NULL},
    {"sha512", "With X25519 keys", explain_sha512},
};
#define SETTING_COUNT (sizeof SETTINGS / sizeof SETTINGS[0])

/* ---- the rows ---- */

/* A text as it is, anything else as JSON. */
static void show_raw(const json_t *value, char out[VALUE_MAX])
{
    if (json_is_string(value)) {
        (void)snprintf(out, VALUE_MAX, "%s", json_string_value(value));
        return;
    }
    size_t length = json_dumpb(value, out, VALUE_MAX - 1, JSON_COMPACT | JSON_ENCODE_ANY);
    out[length < VALUE_MAX ? length : 0] = '\0';
}

static size_t find_setting(const char *member)
{
    size_t i = 0;
    while (i < SETTING_COUNT && strcmp(SETTINGS[i].member, member) != 0)
        i++;
    return i;
}

void product_settings_show(json_t *settings, struct table *table)
{
    char words[VALUE_MAX];
    const char *member = NULL;
    json_t *value = NULL;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        value = json_object_get(settings, SETTINGS[i].member);
        if (value == NULL || SETTINGS[i].name == NULL)
            continue;
        show_raw(value, words);
        if (SETTINGS[i].explain != NULL)
            SETTINGS[i].explain(settings, value, words);
        table_add_row(table, (const char *[]){SETTINGS[i].name, words});
    }
    json_object_foreach(settings, member, value)
    {
        if (find_setting(member) < SETTING_COUNT)
            continue;
        show_raw(value, words);
        table_add_row(table, (const char *[]){member, words});
    }
}

enum error product_settings_read(const char *options, json_t **ret_settings,
                                 struct failure *failure)
{
    const char *text = options[0] != '\0' ? options : "{}";
    json_t *settings = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(settings)) {
        json_decref(settings);
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The vault's answer holds settings that are no JSON object");
    }
    *ret_settings = settings;
    return ERR_OK;
}
