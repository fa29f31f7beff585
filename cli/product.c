/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The question for products, and a product as JSON. Owns no state. */
#include "cli/product.h"

#include "cli/output.h"

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

enum error product_ask(const struct arguments *arguments, const char *name,
                       Provisiond__AdminReply **ret_reply, struct failure *failure)
{
    Provisiond__ProductListRequest list = PROVISIOND__PRODUCT_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    list.name = (char *)name;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_LIST;
    request.product_list = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        e = check_products(reply->product_list, failure);
    if (e != ERR_OK)
        return e;
    *ret_reply = reply;
    reply = NULL;
    return ERR_OK;
}

json_t *product_to_json(const Provisiond__ProductEntry *product)
{
    return json_pack("{s:o, s:o, s:o, s:b, s:b, s:I, s:I, s:I, s:b}", "name",
                     output_text(product->name), "profile", output_text(product->profile), "policy",
                     output_text(product->policy), "governed", (int)product->governed, "enabled",
                     (int)product->enabled, "granted", (json_int_t)product->quota, "charged",
                     (json_int_t)product->used, "remaining",
                     (json_int_t)(product->quota - product->used), "session_key_exposure",
                     (int)product->allow_session_key_exposure);
}
