/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl product list, and show: one product in words, with its account. By the vault or over
 * REST. Owns no state.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/account.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/product.h"
#include "cli/product_settings.h"
#include "cli/reading.h"
#include "cli/st_options.h"
#include "cli/table.h"
#include "cli/text.h"

#define VALUE_MAX 256

/* ---- account ---- */

static void add_number(struct table *table, const char *name, int64_t value)
{
    char number[NUMBER_TEXT_SIZE];
    table_add_row(table, (const char *[]){name, text_number(value, number)});
}

static void add_account(struct table *table, const struct answer_usage *usage)
{
    char drawn[VALUE_MAX];
    (void)snprintf(drawn, sizeof drawn, "%" PRId64 " of an allowance of %" PRId64,
                   usage->scrap_drawn, usage->scrap_allowance);
    add_number(table, "Accepted", usage->accepted);
    add_number(table, "Revoked", usage->revoked);
    table_add_row(table, (const char *[]){"Scrap drawn", drawn});
    add_number(table, "Granted", usage->granted);
    add_number(table, "Charged", usage->charged);
    add_number(table, "Remaining", usage->remaining);
}

/* ---- who decides ---- */

static void add_digest(struct table *table, const char *name, const char *hex)
{
    table_add_row(table, (const char *[]){name, hex[0] != '\0' ? hex : "not known"});
}

static void add_member(struct table *table, const json_t *member)
{
    char words[2 * VALUE_MAX];
    (void)snprintf(words, sizeof words, "%.*s  %.*s", VALUE_MAX, record_text(member, "key"),
                   VALUE_MAX - 4, record_text(member, "name"));
    table_add_row(table, (const char *[]){"May sign", words});
}

static void add_rule(struct table *table, const json_t *product)
{
    char rule[RECORD_CELL_MAX];
    const json_t *members = json_object_get(product, "members");
    table_add_row(table, (const char *[]){"Rule", product_rule(product, rule)});
    if (!json_is_true(json_object_get(product, "governed")))
        return;
    add_number(table, "Sequence", record_number(product, "sequence"));
    add_digest(table, "First authorities", record_text(product, "first_authorities"));
    add_digest(table, "Present authorities", record_text(product, "authorities"));
    for (size_t i = 0; i < json_array_size(members); i++)
        add_member(table, json_array_get(members, i));
}

/* "ok", or the word and why. */
static void add_wrapping(struct table *table, const json_t *product)
{
    static const char *const WORDS[][2] = {
        {"token", "inside the HSM, where it can do what the device's key asks for (token)"},
        {"host", "under a key of the HSM worker's memory, one for each license (host)"},
        {"exposed", "in the HSM worker's memory (exposed)"},
    };
    const char *word = json_string_value(json_object_get(product, "wrapping"));
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0] && word != NULL; i++) {
        if (strcmp(word, WORDS[i][0]) == 0)
            table_add_row(table, (const char *[]){"Session keys are wrapped", WORDS[i][1]});
    }
}

static void add_crls(struct table *table, const json_t *product)
{
    char words[VALUE_MAX];
    const json_t *crls = json_object_get(product, "crls");
    const char *until = json_string_value(json_object_get(product, "crls_valid_until"));
    if (!json_is_integer(crls))
        return;
    (void)snprintf(words, sizeof words, "%" JSON_INTEGER_FORMAT "%s%.40s", json_integer_value(crls),
                   until != NULL ? ", good until " : "", until != NULL ? until : "");
    table_add_row(table, (const char *[]){"Revocation lists kept", words});
}

static void add_state(struct table *table, const json_t *product)
{
    char words[2 * VALUE_MAX];
    const char *detail = record_text(product, "state_detail");
    const bool is_enabled = json_is_true(json_object_get(product, "enabled"));
    (void)snprintf(words, sizeof words, "%.*s%s%.*s", VALUE_MAX / 2, record_text(product, "state"),
                   detail[0] != '\0' ? ": " : "", VALUE_MAX, detail);
    table_add_row(table, (const char *[]){"State", is_enabled ? "enabled" : "disabled"});
    table_add_row(table, (const char *[]){"Check", words});
}

static void add_attempts(struct table *table, const json_t *product)
{
    if (record_number(product, "attempts_max") > 0)
        add_number(table, "Attempts per device", record_number(product, "attempts_max"));
    else
        table_add_row(table, (const char *[]){"Attempts per device", "no limit"});
}

/* ---- the page ---- */

static enum error print_page(const json_t *product, const struct answer_usage *usage,
                             struct failure *failure)
{
    TABLE_AUTO table = table_new_pairs(false);
    const bool is_exposed = json_is_true(json_object_get(product, "session_key_exposure"));
    const char *profile = record_text(product, "profile");
    table_add_row(table, (const char *[]){"Product", record_text(product, "name")});
    table_add_row(table, (const char *[]){"Profile", profile});
    table_add_row(
        table, (const char *[]){"Policy", account_explain_policy(record_text(product, "policy"))});
    add_attempts(table, product);
    add_rule(table, product);
    add_state(table, product);
    add_account(table, usage);
    table_add_row(table,
                  (const char *[]){"Session key exposure",
                                   is_exposed ? "allowed: the session key is in the HSM worker's "
                                                "memory while a license is made"
                                              : "not allowed"});
    add_wrapping(table, product);
    product_settings_show(json_object_get(product, "settings"), table);
    add_crls(table, product);
    if (strcmp(profile, ST_PROFILE) == 0)
        table_add_row(table, (const char *[]){"ST chips", "not claimed to accept what is made for "
                                                          "this product"});
    if (table_print(table, stdout) != ERR_OK)
        return failure_set_memory(failure);
    return account_check(usage, failure);
}

/* The account is of one moment: granted and charged of the list were of another. */
static enum error print_json(json_t *product, const struct answer_usage *usage,
                             struct failure *failure)
{
    json_t *account = account_to_json(usage);
    enum error e = account_check(usage, failure);
    const bool is_made = account != NULL && json_object_update(product, account) == 0;
    json_decref(account);
    if (e != ERR_OK)
        return e;
    return is_made ? output_json(json_incref(product), failure) : failure_set_memory(failure);
}

/* ---- the answers ---- */

static enum error ask_vault(const struct arguments *arguments, const char *name,
                            json_t **ret_product, struct failure *failure)
{
    json_t *products = NULL;
    enum error e = product_ask_vault(arguments, name, &products, failure);
    if (e == ERR_OK && json_array_size(products) == 0)
        e = failure_set(failure, ERR_PRODUCT_UNKNOWN, "There is no product %s", name);
    if (e == ERR_OK)
        *ret_product = json_incref(json_array_get(products, 0));
    json_decref(products);
    return e;
}

enum error command_product_show(const struct arguments *arguments, struct failure *failure)
{
    const char *name = arguments->operands[0];
    struct answer_usage usage;
    json_t *product = NULL;
    bool is_rest = false;
    enum error e = station_is_asked(arguments, &is_rest, failure);
    if (e == ERR_OK)
        e = is_rest ? product_ask_server(arguments, name, &product, failure)
                    : ask_vault(arguments, name, &product, failure);
    if (e == ERR_OK)
        e = is_rest ? account_ask_server(arguments, name, &usage, failure)
                    : account_ask_vault(arguments, name, &usage, failure);
    if (e == ERR_OK)
        e = arguments_has(arguments, OPTION_JSON) ? print_json(product, &usage, failure)
                                                  : print_page(product, &usage, failure);
    json_decref(product);
    return e;
}

/* ---- the list ---- */

static const struct reading_list LIST = {"products", "products", PRODUCT_FIELD_TABLE,
                                         PRODUCT_FIELDS, 0};

static enum error list_by_vault(const struct arguments *arguments, struct failure *failure)
{
    json_t *products = NULL;
    enum error e = product_ask_vault(arguments, "", &products, failure);
    if (e == ERR_OK)
        e = record_check_list(products, LIST.fields, LIST.count, failure);
    if (e == ERR_OK)
        e = reading_show_list(arguments, products, &LIST, failure);
    json_decref(products);
    return e;
}

enum error command_product_list(const struct arguments *arguments, struct failure *failure)
{
    bool is_rest = false;
    enum error e = station_is_asked(arguments, &is_rest, failure);
    if (e != ERR_OK)
        return e;
    return is_rest ? reading_print_whole(arguments, "/v1/products", 0, &LIST, failure)
                   : list_by_vault(arguments, failure);
}
