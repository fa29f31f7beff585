/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The questions for products. Owns no state. */
#include "cli/product.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/account.h"
#include "cli/output.h"
#include "core/clock.h"
#include "cli/product_settings.h"
#include "cli/reading.h"

#define PATH_MAX_BYTES 128

const char *product_rule(const json_t *product, char out[RECORD_CELL_MAX])
{
    const int64_t threshold = record_number(product, "threshold");
    const size_t members = json_array_size(json_object_get(product, "members"));
    if (!json_is_true(json_object_get(product, "governed")))
        (void)snprintf(out, RECORD_CELL_MAX, "%s", ACCOUNT_LOCAL);
    else if (threshold == 0) /* not known before the documents were looked at */
        (void)snprintf(out, RECORD_CELL_MAX, "%s", ACCOUNT_GOVERNED);
    else if (members == 0)
        (void)snprintf(out, RECORD_CELL_MAX,
                       "governed: documents signed by %" PRId64 " of its authorities decide",
                       threshold);
    else
        (void)snprintf(out, RECORD_CELL_MAX,
                       "governed: documents signed by %" PRId64 " of %zu authorities decide",
                       threshold, members);
    return out;
}

const struct record_field PRODUCT_FIELD_TABLE[PRODUCT_FIELDS] = {
    {"PRODUCT", "name", RECORD_TEXT, false, NULL},
    {"PROFILE", "profile", RECORD_TEXT, false, NULL},
    {"POLICY", "policy", RECORD_TEXT, false, NULL},
    {"STATE", "enabled", RECORD_ENABLED, false, NULL},
    {"CHECK", "state", RECORD_TEXT, false, NULL},
    {"GRANTED", "granted", RECORD_NUMBER, false, NULL},
    {"CHARGED", "charged", RECORD_NUMBER, false, NULL},
    {"REMAINING", "remaining", RECORD_NUMBER, false, NULL},
    {"RULE", "governed", RECORD_YES, false, product_rule},
    {NULL, "attempts_max", RECORD_NUMBER, false, NULL},
    {NULL, "session_key_exposure", RECORD_YES, false, NULL},
    {NULL, "sequence", RECORD_NUMBER, true, NULL},
};

/* ---- from the vault ---- */

static enum error fail_answer(struct failure *failure, const char *what)
{
    return failure_set_plain(failure, ERR_INTERNAL, "The vault's answer holds %s", what);
}

/* "" or a digest: the vault may not know the one that the HSM keeps. */
static bool is_digest_or_none(ProtobufCBinaryData data)
{
    return data.len == 0 || data.len == SHA256_SIZE;
}

/* used and quota come over a socket: a difference of them must not overflow. */
static enum error check_product(const Provisiond__ProductEntry *product, struct failure *failure)
{
    if (product->quota < 0 || product->used < 0)
        return fail_answer(failure, "a quota below zero");
    if (product->attempts_max < 0 || product->sequence < 0)
        return fail_answer(failure, "a number below zero");
    if (!is_digest_or_none(product->authorities) || !is_digest_or_none(product->first_authorities))
        return fail_answer(failure, "a digest of a wrong length");
    for (size_t i = 0; i < product->n_members; i++) {
        if (product->members[i]->key.len != SHA256_SIZE)
            return fail_answer(failure, "a digest of a wrong length");
    }
    return ERR_OK;
}

/* The digits, or "" when it is not there. */
static json_t *digest_or_none(ProtobufCBinaryData data)
{
    char hex[SHA256_HEX_SIZE] = "";
    if (data.len == SHA256_SIZE)
        hex_encode(bytes_of(data.data, SHA256_SIZE), hex);
    return json_string(hex);
}

static json_t *members_to_json(const Provisiond__ProductEntry *product)
{
    json_t *array = json_array();
    for (size_t i = 0; i < product->n_members; i++) {
        const Provisiond__AuthorityEntry *member = product->members[i];
        (void)json_array_append_new(array,
                                    json_pack("{s:o, s:o}", "key", digest_or_none(member->key),
                                              "name", output_text(member->name)));
    }
    return array;
}

static json_t *entry_to_json(const Provisiond__ProductEntry *product)
{
    const char *state = product->state[0] != '\0' ? product->state : "unknown";
    return json_pack(
        "{s:o, s:o, s:o, s:b, s:b, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "name",
        output_text(product->name), "profile", output_text(product->profile), "policy",
        output_text(product->policy), "governed", (int)product->governed, "enabled",
        (int)product->enabled, "granted", (json_int_t)product->quota, "charged",
        (json_int_t)product->used, "remaining", (json_int_t)(product->quota - product->used),
        "session_key_exposure", (int)product->allow_session_key_exposure, "attempts_max",
        (json_int_t)product->attempts_max, "threshold", (json_int_t)product->threshold, "sequence",
        (json_int_t)product->sequence, "first_authorities",
        digest_or_none(product->first_authorities), "authorities",
        digest_or_none(product->authorities), "state", output_text(state), "state_detail",
        output_text(product->state_detail));
}

/* As GET /v1/products tells them. */
static void add_crls(const Provisiond__ProductEntry *entry, json_t *product)
{
    char until[TIMESTAMP_SIZE];
    if (!entry->crls_wanted && entry->crls == 0)
        return;
    (void)json_object_set_new(product, "crls", json_integer(entry->crls));
    if (entry->crls_until_unix_ms == 0)
        return;
    timestamp_format(entry->crls_until_unix_ms, until);
    (void)json_object_set_new(product, "crls_valid_until", output_text(until));
}

static enum error read_entry(const Provisiond__ProductEntry *entry, bool is_single,
                             json_t **ret_product, struct failure *failure)
{
    json_t *settings = NULL;
    enum error e = check_product(entry, failure);
    if (e == ERR_OK && is_single)
        e = product_settings_read(entry->options, &settings, failure);
    if (e != ERR_OK)
        return e;
    json_t *product = entry_to_json(entry);
    if (product != NULL && entry->wrapping[0] != '\0')
        (void)json_object_set_new(product, "wrapping", output_text(entry->wrapping));
    if (product != NULL)
        add_crls(entry, product);
    if (product != NULL && is_single) {
        (void)json_object_set_new(product, "members", members_to_json(entry));
        (void)json_object_set_new(product, "settings", settings);
    }
    if (product == NULL)
        return failure_set_memory(failure);
    *ret_product = product;
    return ERR_OK;
}

enum error product_ask_vault(const struct arguments *arguments, const char *name,
                             json_t **ret_products, struct failure *failure)
{
    Provisiond__ProductListRequest list = PROVISIOND__PRODUCT_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    list.name = (char *)name;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_LIST;
    request.product_list = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    json_t *array = e == ERR_OK ? json_array() : NULL;
    for (size_t i = 0; e == ERR_OK && i < reply->product_list->n_products; i++) {
        const Provisiond__ProductEntry *entry = reply->product_list->products[i];
        json_t *product = NULL;
        if (name[0] != '\0' && strcmp(entry->name, name) != 0)
            continue;
        e = read_entry(entry, name[0] != '\0', &product, failure);
        if (e == ERR_OK && json_array_append_new(array, product) != 0)
            e = failure_set_memory(failure);
    }
    if (e == ERR_OK)
        *ret_products = array;
    else
        json_decref(array);
    return e;
}

json_t *product_list_governed(const struct arguments *arguments)
{
    struct failure untold;
    json_t *products = NULL;
    json_t *names = json_array();
    if (product_ask_vault(arguments, "", &products, &untold) != ERR_OK)
        return names;
    for (size_t i = 0; i < json_array_size(products); i++) {
        const json_t *product = json_array_get(products, i);
        if (json_is_true(json_object_get(product, "governed")))
            (void)json_array_append_new(names, output_text(record_text(product, "name")));
    }
    json_decref(products);
    return names;
}

/* ---- from provisiond ---- */

/* A member that the vault tells and provisiond leaves out. */
static void complete(json_t *object, const char *name, const json_t *value, json_t *otherwise)
{
    if (value != NULL)
        (void)json_object_set(object, name, (json_t *)(uintptr_t)value);
    else if (json_object_get(object, name) == NULL)
        (void)json_object_set(object, name, otherwise);
    json_decref(otherwise);
}

/* The digests' names here are those of the vault's answer. */
static void take_digest(json_t *product, const json_t *policy, const char *name,
                        const char *rest_name)
{
    const json_t *digest = json_object_get(policy, rest_name);
    (void)json_object_del(product, name);
    (void)json_object_del(product, rest_name);
    complete(product, name, digest, json_string(""));
}

static void merge_policy(json_t *product, const json_t *policy)
{
    complete(product, "threshold", json_object_get(policy, "threshold"), json_integer(0));
    complete(product, "sequence", json_object_get(policy, "sequence"), json_integer(0));
    complete(product, "members", json_object_get(policy, "authorities"), json_array());
    complete(product, "settings", json_object_get(policy, "options"), json_object());
    take_digest(product, policy, "first_authorities", "first_authorities_sha256");
    take_digest(product, policy, "authorities", "authorities_sha256");
    complete(product, "state_detail", NULL, json_string(""));
}

enum error product_ask_server(const struct arguments *arguments, const char *name,
                              json_t **ret_product, struct failure *failure)
{
    char path[PATH_MAX_BYTES];
    json_t *product = NULL;
    json_t *policy = NULL;
    (void)snprintf(path, sizeof path, "/v1/products/%s", name);
    enum error e = reading_get(arguments, path, &product, failure);
    if (e == ERR_OK)
        e = record_check(product, PRODUCT_FIELD_TABLE, PRODUCT_FIELDS, failure);
    (void)snprintf(path, sizeof path, "/v1/products/%s/policy", name);
    if (e == ERR_OK)
        e = reading_get(arguments, path, &policy, failure);
    if (e == ERR_OK) {
        merge_policy(product, policy);
        *ret_product = product;
        product = NULL;
    }
    json_decref(product);
    json_decref(policy);
    return e;
}
