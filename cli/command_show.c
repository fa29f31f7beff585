/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl product show: one product in words. The settings of its profile come as a JSON object of
 * the vault; those that are known are explained, others are shown as they are. Owns no state.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/product.h"
#include "cli/st_options.h"
#include "cli/table.h"
#include "cli/text.h"

#define VALUE_MAX     256
#define KDF_KEY_BYTES 16
/* "provisiond-st-sfi-reference-1" */
#define REFERENCE_INFO "70726f766973696f6e642d73742d7366692d7265666572656e63652d31"

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
    if (text != NULL && strcmp(text, REFERENCE_INFO) == 0)
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
};
#define SETTING_COUNT (sizeof SETTINGS / sizeof SETTINGS[0])

/* ---- the page ---- */

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

static void add_settings(struct table *table, json_t *settings)
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

static void add_account(struct table *table, const Provisiond__ProductEntry *product)
{
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {{"Granted", product->quota},
                {"Charged", product->used},
                {"Remaining", product->quota - product->used}};
    char number[NUMBER_TEXT_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        table_add_row(table, (const char *[]){rows[i].name, text_number(rows[i].value, number)});
}

static enum error print_page(const Provisiond__ProductEntry *product, json_t *settings,
                             struct failure *failure)
{
    TABLE_AUTO table = table_new_pairs(false);
    const bool is_per_device = strcmp(product->policy, "per-device") == 0;
    const char *const rows[][2] = {
        {"Product", product->name},
        {"Profile", product->profile},
        {"Policy", is_per_device ? "per-device: one unit pays for one device" : product->policy},
        {"Rule", product->governed ? "governed: this site's administrator adds no units"
                                   : "local: this site's administrator adds units"},
        {"State", product->enabled ? "enabled" : "disabled"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        table_add_row(table, rows[i]);
    add_account(table, product);
    table_add_row(table, (const char *[]){"Session key exposure",
                                          product->allow_session_key_exposure
                                              ? "allowed: the session key is in the HSM worker's "
                                                "memory while a license is made"
                                              : "not allowed"});
    add_settings(table, settings);
    if (strcmp(product->profile, ST_PROFILE) == 0)
        table_add_row(table, (const char *[]){"ST chips", "not claimed to accept what is made for "
                                                          "this product"});
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

static enum error print_json(const Provisiond__ProductEntry *product, json_t *settings,
                             struct failure *failure)
{
    json_t *object = product_to_json(product);
    if (object == NULL || json_object_set(object, "settings", settings) != 0) {
        json_decref(object);
        return failure_set_memory(failure);
    }
    return output_json(object, failure);
}

/* ---- the answer ---- */

/* A product without settings has an empty object. */
static enum error read_settings(const Provisiond__ProductEntry *product, json_t **ret_settings,
                                struct failure *failure)
{
    const char *text = product->options[0] != '\0' ? product->options : "{}";
    json_t *settings = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(settings)) {
        json_decref(settings);
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The vault's answer holds settings that are no JSON object");
    }
    *ret_settings = settings;
    return ERR_OK;
}

static enum error find_product(const Provisiond__ProductListReply *list, const char *name,
                               const Provisiond__ProductEntry **ret_product,
                               struct failure *failure)
{
    for (size_t i = 0; i < list->n_products; i++) {
        if (strcmp(list->products[i]->name, name) == 0) {
            *ret_product = list->products[i];
            return ERR_OK;
        }
    }
    return failure_set(failure, ERR_PRODUCT_UNKNOWN, "There is no product %s", name);
}

enum error command_product_show(const struct arguments *arguments, struct failure *failure)
{
    const char *name = arguments->operands[0];
    const Provisiond__ProductEntry *product = NULL;
    json_t *settings = NULL;
    ADMIN_REPLY_AUTO reply = NULL;
    enum error e = product_ask(arguments, name, &reply, failure);
    if (e == ERR_OK)
        e = find_product(reply->product_list, name, &product, failure);
    if (e == ERR_OK)
        e = read_settings(product, &settings, failure);
    if (e == ERR_OK)
        e = arguments_has(arguments, OPTION_JSON) ? print_json(product, settings, failure)
                                                  : print_page(product, settings, failure);
    json_decref(settings);
    return e;
}
