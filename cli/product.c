/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The question for products, and a product in words and as JSON. Owns no state. */
#include "cli/product.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/account.h"
#include "cli/output.h"

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
    for (size_t i = 0; e == ERR_OK && i < reply->product_list->n_products; i++)
        e = check_product(reply->product_list->products[i], failure);
    if (e != ERR_OK)
        return e;
    *ret_reply = reply;
    reply = NULL;
    return ERR_OK;
}

void product_rule(const Provisiond__ProductEntry *product, char out[PRODUCT_RULE_MAX])
{
    if (!product->governed)
        (void)snprintf(out, PRODUCT_RULE_MAX, "%s", ACCOUNT_LOCAL);
    else if (product->threshold == 0) /* not known before the documents were looked at */
        (void)snprintf(out, PRODUCT_RULE_MAX, "%s", ACCOUNT_GOVERNED);
    else if (product->n_members == 0)
        (void)snprintf(out, PRODUCT_RULE_MAX,
                       "governed: documents signed by %" PRIu32 " of its authorities decide",
                       product->threshold);
    else
        (void)snprintf(out, PRODUCT_RULE_MAX,
                       "governed: documents signed by %" PRIu32 " of %zu authorities decide",
                       product->threshold, product->n_members);
}

const char *product_state(const Provisiond__ProductEntry *product)
{
    return product->state[0] != '\0' ? product->state : "unknown";
}

/* ---- for machines ---- */

/* The digits, or "" when it is not there. */
static json_t *digest_or_none(ProtobufCBinaryData data)
{
    char hex[SHA256_HEX_SIZE] = "";
    if (data.len == SHA256_SIZE)
        hex_encode(bytes_of(data.data, SHA256_SIZE), hex);
    return json_string(hex);
}

json_t *product_to_json(const Provisiond__ProductEntry *product)
{
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
        digest_or_none(product->authorities), "state", output_text(product_state(product)),
        "state_detail", output_text(product->state_detail));
}

json_t *product_members_to_json(const Provisiond__ProductEntry *product)
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
