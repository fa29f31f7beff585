/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Principals: their roles, from the vault, as tables. Owns no state. */
#include "cli/principal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/product.h"
#include "cli/record.h"
#include "cli/table.h"
#include "core/clock.h"

#define CELL_MAX         1024
#define LIST_WIDTH       22 /* of names in a cell of the list, before the rest is a number */
#define KEY_SHOWN_DIGITS 12

static const struct principal_role ROLES[] = {
    {"station", "Station", "stations", "stations", PROVISIOND__ROLE__ROLE_STATION},
    {"operator", "Operator", "operators", "operators", PROVISIOND__ROLE__ROLE_OPERATOR},
    {"auditor", "Auditor", "auditors", "auditors", PROVISIOND__ROLE__ROLE_AUDITOR},
    {"administrator", "Administrator", "administrators", "administrators",
     PROVISIOND__ROLE__ROLE_ADMINISTRATOR},
    {"metrics", "Metrics caller", "metrics callers", "metrics", PROVISIOND__ROLE__ROLE_METRICS},
};

#define ROLE_COUNT (sizeof ROLES / sizeof ROLES[0])

const struct principal_role *principal_role_of(const struct arguments *arguments)
{
    size_t length = strcspn(arguments->command, " ");
    size_t i = 0;
    while (strncmp(ROLES[i].word, arguments->command, length) != 0 ||
           ROLES[i].word[length] != '\0') {
        i++;
        assert(i < ROLE_COUNT);
    }
    return &ROLES[i];
}

/* ---- the vault ---- */

enum error principal_enrol(const struct arguments *arguments, const char *certificate,
                           struct sha256 *ret_key, struct failure *failure)
{
    Provisiond__PrincipalAddRequest add = PROVISIOND__PRINCIPAL_ADD_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    const char *products[ARGUMENTS_LIST_MAX];
    const char *lines[ARGUMENTS_LIST_MAX];
    add.name = (char *)arguments->operands[0];
    add.role = principal_role_of(arguments)->role;
    add.certificate = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)certificate,
                                            .len = strlen(certificate)};
    add.n_products = arguments_list(arguments, OPTION_SCOPE_PRODUCT, products);
    add.products = (char **)products;
    add.n_lines = arguments_list(arguments, OPTION_SCOPE_LINE, lines);
    add.lines = (char **)lines;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_ADD;
    request.principal_add = &add;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    return e == ERR_OK ? admin_read_digest(reply->principal_add->spki, ret_key, failure) : e;
}

static bool is_product(const json_t *products, const char *name)
{
    bool is_found = false;
    for (size_t i = 0; i < json_array_size(products) && !is_found; i++)
        is_found = strcmp(record_text(json_array_get(products, i), "name"), name) == 0;
    return is_found;
}

void principal_warn_products(const struct arguments *arguments)
{
    struct failure untold = {.code = ERR_OK};
    const char *names[ARGUMENTS_LIST_MAX];
    json_t *products = NULL;
    const size_t count = arguments_list(arguments, OPTION_SCOPE_PRODUCT, names);
    if (count == 0 || product_ask_vault(arguments, "", &products, &untold) != ERR_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!is_product(products, names[i]))
            (void)fprintf(stderr,
                          "provctl: warning: there is no product %s here; is it spelt right? See "
                          "provctl product list\n",
                          names[i]);
    }
    json_decref(products);
}

static const char *role_name(Provisiond__Role role)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (ROLES[i].role == role)
            return ROLES[i].word;
    }
    return "unknown";
}

static json_t *key_to_json(const Provisiond__PrincipalKey *key)
{
    char hex[SHA256_HEX_SIZE] = "";
    char added[TIMESTAMP_SIZE];
    if (key->spki.len == SHA256_SIZE)
        hex_encode(bytes_of(key->spki.data, SHA256_SIZE), hex);
    timestamp_format(key->added_unix_ms, added);
    return json_pack("{s:s, s:s}", "key", hex, "added_at", added);
}

static json_t *texts_to_json(char *const *texts, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(array, output_text(texts[i]));
    return array;
}

static json_t *entry_to_json(const Provisiond__PrincipalEntry *entry)
{
    json_t *keys = json_array();
    for (size_t i = 0; i < entry->n_keys; i++)
        (void)json_array_append_new(keys, key_to_json(entry->keys[i]));
    return json_pack("{s:o, s:s, s:b, s:o, s:o, s:o}", "name", output_text(entry->name), "role",
                     role_name(entry->role), "enabled", (int)entry->enabled, "keys", keys,
                     "products", texts_to_json(entry->products, entry->n_products), "lines",
                     texts_to_json(entry->lines, entry->n_lines));
}

enum error principal_ask_vault(const struct arguments *arguments, const char *name,
                               json_t **ret_principals, struct failure *failure)
{
    Provisiond__PrincipalListRequest list = PROVISIOND__PRINCIPAL_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    list.name = (char *)name;
    list.role = principal_role_of(arguments)->role;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRINCIPAL_LIST;
    request.principal_list = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    json_t *array = e == ERR_OK ? json_array() : NULL;
    for (size_t i = 0; e == ERR_OK && i < reply->principal_list->n_principals; i++) {
        json_t *principal = entry_to_json(reply->principal_list->principals[i]);
        e = json_array_append_new(array, principal) == 0 ? principal_check(principal, failure)
                                                         : failure_set_memory(failure);
    }
    if (e == ERR_OK)
        *ret_principals = array;
    else
        json_decref(array);
    return e;
}

/* ---- what an answer must hold ---- */

static enum error fail_member(struct failure *failure, const char *member)
{
    return failure_set_plain(
        failure, ERR_INTERNAL,
        "The answer about a principal cannot be understood (%s). Are the versions equal?", member);
}

static bool is_key(const json_t *key)
{
    struct sha256 digest;
    const char *hex = json_string_value(json_object_get(key, "key"));
    return hex != NULL && hex_decode(hex, digest.bytes, SHA256_SIZE) &&
           json_is_string(json_object_get(key, "added_at"));
}

static bool are_keys(const json_t *keys)
{
    bool are_good = json_is_array(keys) && json_array_size(keys) > 0;
    for (size_t i = 0; are_good && i < json_array_size(keys); i++)
        are_good = is_key(json_array_get(keys, i));
    return are_good;
}

static bool are_texts(const json_t *texts)
{
    bool are_good = json_is_array(texts);
    for (size_t i = 0; are_good && i < json_array_size(texts); i++)
        are_good = json_is_string(json_array_get(texts, i));
    return are_good;
}

enum error principal_check(const json_t *principal, struct failure *failure)
{
    if (!json_is_string(json_object_get(principal, "name")))
        return fail_member(failure, "name");
    if (!json_is_string(json_object_get(principal, "role")))
        return fail_member(failure, "role");
    if (!json_is_boolean(json_object_get(principal, "enabled")))
        return fail_member(failure, "enabled");
    if (!are_keys(json_object_get(principal, "keys")))
        return fail_member(failure, "keys");
    if (!are_texts(json_object_get(principal, "products")))
        return fail_member(failure, "products");
    return are_texts(json_object_get(principal, "lines")) ? ERR_OK : fail_member(failure, "lines");
}

/* ---- for people ---- */

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static const char *state_of(const json_t *principal)
{
    return json_is_true(json_object_get(principal, "enabled")) ? "enabled" : "disabled";
}

void principal_join(const json_t *texts, const char *otherwise, char *out, size_t size)
{
    size_t used = 0;
    (void)snprintf(out, size, "%s", otherwise);
    for (size_t i = 0; i < json_array_size(texts) && used < size; i++) {
        int n = snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "",
                         json_string_value(json_array_get(texts, i)));
        used += n > 0 ? (size_t)n : 0;
    }
}

/* "meter, pump, +30 more": as many as fit, and the first at least. */
static void join_shortly(const json_t *texts, char out[CELL_MAX])
{
    const size_t count = json_array_size(texts);
    size_t used = 0;
    size_t i = 0;
    (void)snprintf(out, CELL_MAX, "all");
    for (; i < count &&
           (i == 0 || used + strlen(json_string_value(json_array_get(texts, i))) < LIST_WIDTH);
         i++) {
        int n = snprintf(out + used, CELL_MAX - used, "%s%.200s", i > 0 ? ", " : "",
                         json_string_value(json_array_get(texts, i)));
        used += n > 0 ? (size_t)n : 0;
    }
    if (i < count)
        (void)snprintf(out + used, CELL_MAX - used, ", +%zu more", count - i);
}

/* Enough to tell keys apart; the commands that want one take it from show. */
static void shorten_keys(const json_t *keys, char out[CELL_MAX])
{
    const size_t count = json_array_size(keys);
    out[0] = '\0';
    if (count > 0)
        (void)snprintf(out, CELL_MAX, "%.*s...", KEY_SHOWN_DIGITS,
                       text_of(json_array_get(keys, 0), "key"));
    if (count > 1)
        (void)snprintf(out + strlen(out), CELL_MAX - strlen(out), " +%zu", count - 1);
}

static void add_principal(struct table *table, const json_t *principal)
{
    char products[CELL_MAX];
    char lines[CELL_MAX];
    char keys[CELL_MAX];
    join_shortly(json_object_get(principal, "products"), products);
    join_shortly(json_object_get(principal, "lines"), lines);
    shorten_keys(json_object_get(principal, "keys"), keys);
    table_add_row(table, (const char *[]){text_of(principal, "name"), state_of(principal), products,
                                          lines, keys});
}

enum error principal_print_list(const json_t *principals, const char *things,
                                struct failure *failure)
{
    static const struct table_column columns[] = {
        {"NAME", false}, {"STATE", false}, {"PRODUCTS", false}, {"LINES", false}, {"KEY", false}};
    TABLE_AUTO table = table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_array_size(principals); i++)
        add_principal(table, json_array_get(principals, i));
    output_note_empty(json_array_size(principals), things);
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

enum error principal_print(const json_t *principal, struct failure *failure)
{
    TABLE_AUTO table = table_new_pairs(false);
    char words[CELL_MAX];
    const json_t *keys = json_object_get(principal, "keys");
    table_add_row(table, (const char *[]){"Name", text_of(principal, "name")});
    table_add_row(table, (const char *[]){"Role", text_of(principal, "role")});
    table_add_row(table, (const char *[]){"State", state_of(principal)});
    principal_join(json_object_get(principal, "products"), "all", words, sizeof words);
    table_add_row(table, (const char *[]){"Products", words});
    principal_join(json_object_get(principal, "lines"), "all", words, sizeof words);
    table_add_row(table, (const char *[]){"Lines", words});
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        (void)snprintf(words, sizeof words, "%s  added %s", text_of(key, "key"),
                       text_of(key, "added_at"));
        table_add_row(table, (const char *[]){"Key", words});
    }
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}
