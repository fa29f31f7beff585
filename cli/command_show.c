/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl product show: one product in words, with its account. Owns no state. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/account.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/product.h"
#include "cli/product_settings.h"
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

static void add_digest(struct table *table, const char *name, ProtobufCBinaryData digest)
{
    char hex[SHA256_HEX_SIZE] = "not known";
    if (digest.len == SHA256_SIZE)
        hex_encode(bytes_of(digest.data, SHA256_SIZE), hex);
    table_add_row(table, (const char *[]){name, hex});
}

static void add_member(struct table *table, const Provisiond__AuthorityEntry *member)
{
    char hex[SHA256_HEX_SIZE];
    char words[2 * VALUE_MAX];
    hex_encode(bytes_of(member->key.data, SHA256_SIZE), hex);
    (void)snprintf(words, sizeof words, "%s  %.*s", hex, VALUE_MAX, member->name);
    table_add_row(table, (const char *[]){"May sign", words});
}

static void add_rule(struct table *table, const Provisiond__ProductEntry *product)
{
    char rule[PRODUCT_RULE_MAX];
    product_rule(product, rule);
    table_add_row(table, (const char *[]){"Rule", rule});
    if (!product->governed)
        return;
    add_number(table, "Sequence", product->sequence);
    add_digest(table, "First authorities", product->first_authorities);
    add_digest(table, "Present authorities", product->authorities);
    for (size_t i = 0; i < product->n_members; i++)
        add_member(table, product->members[i]);
}

/* "ok", or the word and why. */
static void add_state(struct table *table, const Provisiond__ProductEntry *product)
{
    char words[2 * VALUE_MAX];
    (void)snprintf(words, sizeof words, "%.*s%s%.*s", VALUE_MAX / 2, product_state(product),
                   product->state_detail[0] != '\0' ? ": " : "", VALUE_MAX, product->state_detail);
    table_add_row(table, (const char *[]){"State", product->enabled ? "enabled" : "disabled"});
    table_add_row(table, (const char *[]){"Check", words});
}

static void add_attempts(struct table *table, const Provisiond__ProductEntry *product)
{
    if (product->attempts_max > 0)
        add_number(table, "Requests per device", product->attempts_max);
    else
        table_add_row(table, (const char *[]){"Requests per device", "no limit"});
}

/* ---- the page ---- */

/* What the answers told about the product. */
struct page {
    const Provisiond__ProductEntry *product;
    struct answer_usage usage;
    json_t *settings;
};

static enum error print_page(const struct page *page, struct failure *failure)
{
    TABLE_AUTO table = table_new_pairs(false);
    const Provisiond__ProductEntry *product = page->product;
    table_add_row(table, (const char *[]){"Product", product->name});
    table_add_row(table, (const char *[]){"Profile", product->profile});
    table_add_row(table, (const char *[]){"Policy", account_explain_policy(product->policy)});
    add_attempts(table, product);
    add_rule(table, product);
    add_state(table, product);
    add_account(table, &page->usage);
    table_add_row(table, (const char *[]){"Session key exposure",
                                          product->allow_session_key_exposure
                                              ? "allowed: the session key is in the HSM worker's "
                                                "memory while a license is made"
                                              : "not allowed"});
    product_settings_show(page->settings, table);
    if (strcmp(product->profile, ST_PROFILE) == 0)
        table_add_row(table, (const char *[]){"ST chips", "not claimed to accept what is made for "
                                                          "this product"});
    if (table_print(table, stdout) != ERR_OK)
        return failure_set_memory(failure);
    return account_check(&page->usage, failure);
}

/* The account is of one moment: granted and charged of the list were of another. */
static enum error print_json(const struct page *page, struct failure *failure)
{
    json_t *object = product_to_json(page->product);
    json_t *account = account_to_json(&page->usage);
    json_t *members = product_members_to_json(page->product);
    enum error e = account_check(&page->usage, failure);
    const bool is_made = object != NULL && account != NULL && members != NULL &&
                         json_object_update(object, account) == 0 &&
                         json_object_set(object, "members", members) == 0 &&
                         json_object_set(object, "settings", page->settings) == 0;
    json_decref(account);
    json_decref(members);
    if (e == ERR_OK && is_made)
        return output_json(object, failure);
    json_decref(object);
    return e != ERR_OK ? e : failure_set_memory(failure);
}

/* ---- the answer ---- */

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
    struct page page = {.product = NULL};
    ADMIN_REPLY_AUTO reply = NULL;
    enum error e = product_ask(arguments, name, &reply, failure);
    if (e == ERR_OK)
        e = find_product(reply->product_list, name, &page.product, failure);
    if (e == ERR_OK)
        e = account_ask_vault(arguments, name, &page.usage, failure);
    if (e == ERR_OK)
        e = product_settings_read(page.product->options, &page.settings, failure);
    if (e == ERR_OK)
        e = arguments_has(arguments, OPTION_JSON) ? print_json(&page, failure)
                                                  : print_page(&page, failure);
    json_decref(page.settings);
    return e;
}
