/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The count of signers. Owns no state. */
#include "cli/grant_signers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/product.h"
#include "cli/record.h"
#include "grant/signed_document.h"

struct tally {
    size_t signed_by;
    int64_t threshold; /* 0: not known */
};

static bool is_member(const json_t *members, const struct document_signer *signer)
{
    char hex[SHA256_HEX_SIZE];
    bool is_found = false;
    hex_encode(bytes_of(signer->key.bytes, SHA256_SIZE), hex);
    for (size_t i = 0; signer->has_key && i < json_array_size(members); i++)
        is_found = is_found || strcmp(record_text(json_array_get(members, i), "key"), hex) == 0;
    return is_found;
}

/* By the authorities that the product has now. A wrong signature would be another refusal. */
static struct tally count_members(const struct signed_document *document, const json_t *product)
{
    struct document_signer signers[SIGNED_DOCUMENT_SIGNERS_MAX];
    const size_t count = signed_document_signers(document, NULL, signers);
    struct tally tally = {.threshold = record_number(product, "threshold")};
    for (size_t i = 0; i < count; i++)
        tally.signed_by += is_member(json_object_get(product, "members"), &signers[i]);
    return tally;
}

/* By those that a policy names itself: it makes the product. */
static struct tally count_named(const struct signed_document *document)
{
    const struct grant *grant = signed_document_grant(document);
    struct signers signers = {.count = 0};
    struct fault untold = {0};
    struct tally tally = {0};
    if (grant->kind != GRANT_POLICY || grant->settings.authorities == NULL)
        return tally;
    (void)!signed_document_check(document, grant->settings.authorities, &signers, &untold);
    tally.signed_by = signers.count;
    tally.threshold = authority_set_threshold(grant->settings.authorities);
    return tally;
}

static enum error ask_product(const struct arguments *arguments, bool is_rest, const char *name,
                              json_t **ret_product)
{
    struct failure untold = {.code = ERR_OK};
    json_t *products = NULL;
    if (is_rest)
        return product_ask_server(arguments, name, ret_product, &untold);
    enum error e = product_ask_vault(arguments, name, &products, &untold);
    if (e == ERR_OK && json_array_size(products) == 0)
        e = ERR_PRODUCT_UNKNOWN;
    if (e == ERR_OK)
        *ret_product = json_incref(json_array_get(products, 0));
    json_decref(products);
    return e;
}

void grant_signers_explain(const struct arguments *arguments, bool is_rest, struct bytes document,
                           struct failure *failure)
{
    struct signed_document *opened = NULL;
    struct fault untold = {0};
    struct tally tally = {0};
    json_t *product = NULL;
    if (strcmp(failure->check, "too-few-signers") != 0 ||
        signed_document_open(document, &opened, &untold) != ERR_OK)
        return;
    enum error e =
        ask_product(arguments, is_rest, signed_document_grant(opened)->product, &product);
    if (e == ERR_OK)
        tally = count_members(opened, product);
    else if (e == ERR_PRODUCT_UNKNOWN)
        tally = count_named(opened);
    if (tally.threshold > 0)
        (void)snprintf(failure->what, sizeof failure->what,
                       "Too few of the product's authorities signed it: %zu of the %" PRId64
                       " that must",
                       tally.signed_by, tally.threshold);
    json_decref(product);
    signed_document_free(opened);
}
