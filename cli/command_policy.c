/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl product policy: what a product's licenses are made by, and its anchors. Owns no state. */
#include <stdio.h>
#include <string.h>

#include "cli/account.h"
#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/product.h"
#include "cli/product_settings.h"
#include "cli/reading.h"
#include "cli/table.h"
#include "cli/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define VALUE_MAX    512

static const struct record_field POLICY_FIELDS[] = {
    {"Product", "product", RECORD_TEXT, false, NULL},
    {"Profile", "profile", RECORD_TEXT, false, NULL},
    {"Policy", "policy", RECORD_TEXT, false, NULL},
    {NULL, "attempts_max", RECORD_NUMBER, false, NULL},
    {NULL, "session_key_exposure", RECORD_YES, false, NULL},
    {NULL, "governed", RECORD_YES, false, NULL},
    {NULL, "anchors", RECORD_TEXT, false, NULL},
};

static size_t count_anchors(const char *pem)
{
    static const char begin[] = "-----BEGIN ";
    size_t count = 0;
    for (const char *at = strstr(pem, begin); at != NULL; at = strstr(at + 1, begin))
        count++;
    return count;
}

static void add_pair(struct table *table, const char *name, const char *value)
{
    table_add_row(table, (const char *[]){name, value});
}

static void add_authorities(struct table *table, const json_t *policy)
{
    char words[VALUE_MAX];
    char number[NUMBER_TEXT_SIZE];
    const json_t *members = json_object_get(policy, "authorities");
    if (!json_is_true(json_object_get(policy, "governed")))
        return;
    add_pair(table, "Sequence", text_number(record_number(policy, "sequence"), number));
    for (size_t i = 0; i < json_array_size(members); i++) {
        const json_t *member = json_array_get(members, i);
        (void)snprintf(words, sizeof words, "%.100s  %.300s", record_text(member, "key"),
                       record_text(member, "name"));
        add_pair(table, "May sign", words);
    }
}

static enum error print_page(json_t *policy, struct failure *failure)
{
    TABLE_AUTO table = table_new_pairs(false);
    char rule[RECORD_CELL_MAX];
    char number[NUMBER_TEXT_SIZE];
    const int64_t attempts = record_number(policy, "attempts_max");
    const size_t anchors = count_anchors(record_text(policy, "anchors"));
    /* The rule counts those who may sign under the name that products have for them. */
    (void)json_object_set(policy, "members", json_object_get(policy, "authorities"));
    add_pair(table, "Product", record_text(policy, "product"));
    add_pair(table, "Profile", record_text(policy, "profile"));
    add_pair(table, "Policy", account_explain_policy(record_text(policy, "policy")));
    add_pair(table, "Attempts per device",
             attempts > 0 ? text_number(attempts, number) : "no limit");
    add_pair(table, "Rule", product_rule(policy, rule));
    add_authorities(table, policy);
    add_pair(table, "Session key exposure",
             json_is_true(json_object_get(policy, "session_key_exposure")) ? "allowed"
                                                                           : "not allowed");
    product_settings_show(json_object_get(policy, "options"), table);
    add_pair(table, "Anchors", text_number((int64_t)anchors, number));
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

static enum error write_anchors(const char *path, const json_t *policy, struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    const char *anchors = record_text(policy, "anchors");
    enum error e = file_output_open(path, &output, failure);
    return e == ERR_OK ? file_output_commit(&output, bytes_of(anchors, strlen(anchors)), failure)
                       : e;
}

static enum error show(const struct arguments *arguments, json_t *policy, struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_ANCHORS_OUT);
    enum error e = record_check(policy, POLICY_FIELDS, COUNT(POLICY_FIELDS), failure);
    if (e == ERR_OK && path != NULL)
        e = write_anchors(path, policy, failure);
    if (e != ERR_OK || (path != NULL && strcmp(path, "-") == 0))
        return e;
    return arguments_has(arguments, OPTION_JSON) ? output_json(json_incref(policy), failure)
                                                 : print_page(policy, failure);
}

enum error command_product_policy(const struct arguments *arguments, struct failure *failure)
{
    char path[128];
    json_t *policy = NULL;
    (void)snprintf(path, sizeof path, "/v1/products/%s/policy", arguments->operands[0]);
    enum error e = reading_get(arguments, path, &policy, failure);
    if (e == ERR_OK)
        e = show(arguments, policy, failure);
    json_decref(policy);
    return e;
}
