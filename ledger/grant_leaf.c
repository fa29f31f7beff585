/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The leaves of signed documents, each kind with its own fields (docs/JOURNAL.md). Owns no state.
 */
#include "ledger/grant_leaf.h"

#include <string.h>

#include "ledger/leaf.h"
#include "ledger/rebind.h"

#define SIGNERS_TEXT (LEDGER_SIGNERS_MAX * SHA256_HEX_SIZE) /* digits, commas and a NUL */

struct ledger_product_new grant_product(const struct ledger_grant *grant)
{
    const struct ledger_settings *settings = grant->settings;
    struct ledger_product_new product = {.name = grant->product,
                                         .profile = settings->profile,
                                         .policy = settings->policy,
                                         .anchors = settings->anchors,
                                         .allows_key_exposure = settings->allows_key_exposure,
                                         .options = settings->options,
                                         .attempts_max = settings->attempts_max};
    memcpy(product.firmware_key, settings->firmware_key, sizeof product.firmware_key);
    return product;
}

static void put_digest(struct leaf *leaf, const char *key, const struct sha256 *digest)
{
    leaf_put_hex(leaf, key, bytes_of(digest->bytes, SHA256_SIZE));
}

enum error grant_leaf_created(struct change_context *context, const struct ledger_grant *grant,
                              const char *by, struct fault *fault)
{
    const struct ledger_product_new product = grant_product(grant);
    struct leaf leaf = leaf_new(context, "product-created");
    leaf_put_product(&leaf, &product);
    leaf_put_hex(&leaf, "firmware_key",
                 bytes_of(product.firmware_key, sizeof product.firmware_key));
    leaf_put_number(&leaf, "quota", product.quota);
    leaf_put_flag(&leaf, "governed", true);
    put_digest(&leaf, "authorities", &grant->settings->authorities);
    leaf_put_text(&leaf, "by", by);
    return leaf_append(&leaf, NULL, fault);
}

static void put_signers(struct leaf *leaf, const struct ledger_grant *grant)
{
    char text[SIGNERS_TEXT];
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < grant->signer_count; i++) {
        if (i > 0)
            text[at++] = ',';
        hex_encode(bytes_of(grant->signers[i].bytes, SHA256_SIZE), text + at);
        at += SHA256_HEX_SIZE - 1;
    }
    leaf_put_text(leaf, "signers", text);
}

static void put_settings(struct leaf *leaf, const struct ledger_grant *grant)
{
    const struct ledger_product_new product = grant_product(grant);
    leaf_put_product(leaf, &product);
    leaf_put_number(leaf, "sequence", grant->sequence);
    put_digest(leaf, "authorities", &grant->settings->authorities);
}

static void put_heads(struct leaf *leaf, const struct ledger_heads *heads)
{
    leaf_put_number(leaf, "anchor_size", heads->anchor.size);
    put_digest(leaf, "anchor_root", &heads->anchor.root);
    leaf_put_number(leaf, "head_size", heads->found.size);
    put_digest(leaf, "head_root", &heads->found.root);
}

static void put_units(struct leaf *leaf, const struct ledger_grant *grant,
                      const struct ledger_granted *granted)
{
    leaf_put_number(leaf, "units", grant->units);
    leaf_put_optional(leaf, "lot", grant->lot);
    if (grant->kind == LEDGER_GRANT_REVOKE)
        leaf_put_number(leaf, "taken", granted->taken);
}

static void put_own(struct leaf *leaf, const struct ledger_grant *grant,
                    const struct ledger_granted *granted)
{
    switch (grant->kind) {
    case LEDGER_GRANT_INSTALL:
    case LEDGER_GRANT_SCRAP:
    case LEDGER_GRANT_REVOKE:
        put_units(leaf, grant, granted);
        return;
    case LEDGER_GRANT_POLICY:
        put_settings(leaf, grant);
        return;
    case LEDGER_GRANT_OVERRIDE:
        put_heads(leaf, &grant->heads);
        return;
    case LEDGER_GRANT_REBIND:
        leaf_put_number(leaf, "sequence", grant->sequence);
        rebind_put(leaf, &grant->rebinding);
        return;
    case LEDGER_GRANT_STANDBY:
        leaf_put_number(leaf, "sequence", grant->sequence);
        put_digest(leaf, "standby", &grant->standby.hsm);
        put_digest(leaf, "spki", &grant->standby.transport_key);
        leaf_put_flag(leaf, "allowed", grant->standby.is_allowed);
        return;
    }
}

enum error grant_leaf_append(struct change_context *context, const struct ledger_grant *grant,
                             const char *by, struct ledger_granted *granted, struct fault *fault)
{
    static const char *const KINDS[] = {
        [LEDGER_GRANT_INSTALL] = "install",   [LEDGER_GRANT_SCRAP] = "scrap",
        [LEDGER_GRANT_REVOKE] = "revoke",     [LEDGER_GRANT_POLICY] = "policy",
        [LEDGER_GRANT_OVERRIDE] = "override", [LEDGER_GRANT_REBIND] = "rebind",
        [LEDGER_GRANT_STANDBY] = "standby",
    };
    const struct sha256 document = sha256_of(grant->document);
    struct leaf leaf = leaf_new(context, "grant");
    leaf_put_text(&leaf, "product", grant->product);
    leaf_put_text(&leaf, "kind", KINDS[grant->kind]);
    leaf_put_uuid(&leaf, "grant", &grant->id);
    put_digest(&leaf, "document", &document);
    put_signers(&leaf, grant);
    leaf_put_number(&leaf, "quota", granted->granted);
    put_own(&leaf, grant, granted);
    leaf_put_text(&leaf, "by", by);
    return leaf_append(&leaf, &granted->journal_index, fault);
}
