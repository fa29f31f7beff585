/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl product create, product list and quota add. Owns no state. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"

#define QUOTA_MAX INT64_C(1000000000000) /* the ledger's own limit */

static enum error ask_create(const struct arguments *arguments, int64_t quota, char *anchors,
                             struct failure *failure)
{
    Provisiond__ProductCreateRequest create = PROVISIOND__PRODUCT_CREATE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    create.name = (char *)arguments->operands[0];
    create.profile = (char *)arguments_get_or(arguments, OPTION_PROFILE, "cms");
    create.quota = quota;
    create.anchors = (ProtobufCBinaryData){.data = (uint8_t *)anchors, .len = strlen(anchors)};
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_CREATE;
    request.product_create = &create;
    return admin_ask(arguments, &request, -1, &reply, failure);
}

enum error command_product_create(const struct arguments *arguments, struct failure *failure)
{
    int64_t quota = 0;
    char *anchors = NULL;
    const char *name = arguments->operands[0];
    enum error e = arguments_get_number(arguments, OPTION_QUOTA, 0, QUOTA_MAX, &quota, failure);
    if (e == ERR_OK)
        e = file_input_read_pem(arguments_get(arguments, OPTION_ANCHORS), &anchors, failure);
    if (e == ERR_OK)
        e = ask_create(arguments, quota, anchors, failure);
    free(anchors);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(
            json_pack("{s:o, s:I}", "product", output_text(name), "quota", (json_int_t)quota),
            failure);
    (void)printf("Product %s created with a quota of %" PRId64 ".\n", name, quota);
    return ERR_OK;
}

static json_t *product_to_json(const Provisiond__ProductEntry *product)
{
    return json_pack("{s:o, s:o, s:o, s:b, s:b, s:I, s:I, s:I}", "name", output_text(product->name),
                     "profile", output_text(product->profile), "policy",
                     output_text(product->policy), "governed", (int)product->governed, "enabled",
                     (int)product->enabled, "granted", (json_int_t)product->quota, "charged",
                     (json_int_t)product->used, "remaining",
                     (json_int_t)(product->quota - product->used));
}

static enum error print_products_json(const Provisiond__ProductListReply *list,
                                      struct failure *failure)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->n_products; i++)
        (void)json_array_append_new(array, product_to_json(list->products[i]));
    return output_json(json_pack("{s:o}", "products", array), failure);
}

static void add_product(struct table *table, const Provisiond__ProductEntry *product)
{
    char quota[NUMBER_TEXT_SIZE];
    char used[NUMBER_TEXT_SIZE];
    char remaining[NUMBER_TEXT_SIZE];
    const char *const cells[] = {product->name,
                                 product->profile,
                                 product->policy,
                                 product->governed ? "governed" : "local",
                                 product->enabled ? "enabled" : "disabled",
                                 text_number(product->quota, quota),
                                 text_number(product->used, used),
                                 text_number(product->quota - product->used, remaining)};
    table_add_row(table, cells);
}

static enum error print_products(const Provisiond__ProductListReply *list, struct failure *failure)
{
    static const struct table_column columns[] = {
        {"PRODUCT", false}, {"PROFILE", false}, {"POLICY", false}, {"RULE", false},
        {"STATE", false},   {"GRANTED", true},  {"CHARGED", true}, {"REMAINING", true}};
    TABLE_AUTO table = table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->n_products; i++)
        add_product(table, list->products[i]);
    output_note_empty(list->n_products, "products");
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

/* used and quota come over a socket: a difference of them must not overflow. */
static enum error check_products(const Provisiond__ProductListReply *list, struct failure *failure)
{
    for (size_t i = 0; i < list->n_products; i++) {
        if (list->products[i]->quota < 0 || list->products[i]->used < 0)
            return failure_set_plain(failure, ERR_INTERNAL,
                                     "The vault's answer holds a quota below zero");
    }
    return ERR_OK;
}

enum error command_product_list(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__ProductListRequest list = PROVISIOND__PRODUCT_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_LIST;
    request.product_list = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        e = check_products(reply->product_list, failure);
    if (e != ERR_OK)
        return e;
    return arguments_has(arguments, OPTION_JSON) ? print_products_json(reply->product_list, failure)
                                                 : print_products(reply->product_list, failure);
}

enum error command_quota_add(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__QuotaAddRequest add = PROVISIOND__QUOTA_ADD_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    add.product = (char *)arguments->operands[0];
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_QUOTA_ADD;
    request.quota_add = &add;
    enum error e = arguments_get_number(arguments, OPTION_UNITS, 1, QUOTA_MAX, &add.units, failure);
    if (e == ERR_OK)
        e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:I}", "product", output_text(add.product), "quota",
                                     (json_int_t)reply->quota_add->quota),
                           failure);
    (void)printf("The quota of %s is now %" PRId64 ".\n", add.product, reply->quota_add->quota);
    return ERR_OK;
}
