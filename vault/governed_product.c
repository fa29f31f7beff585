/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The walk through a product's documents. Owns no state. */
#include "vault/governed_product.h"

#include <stdlib.h>
#include <string.h>

#include "vault/document_leaf.h"
#include "vault/document_list.h"
#include "vault/product_make.h"

/* What the documents so far add up to. */
struct walk {
    struct ledger *ledger;
    const char *product;
    struct ledger_info info;
    struct ledger_head head;
    const struct ledger_heads *wanted; /* an override that is looked for, or NULL */
    bool has_override;
    struct governed_product *checked;
    int64_t sequence;
    int64_t accepted;
    int64_t revoked;
    int64_t scrap_allowance;
};

static enum error tampered(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_PRODUCT_TAMPERED, reason, detail, 0);
}

const struct authority_set *governed_product_authorities(const struct governed_product *checked)
{
    return checked->policy == NULL ? NULL
                                   : signed_document_grant(checked->policy)->settings.authorities;
}

void governed_product_clear(struct governed_product *checked)
{
    signed_document_free(checked->policy);
    *checked = (struct governed_product){0};
}

/* ---- one document ---- */

static bool has_sequence(const struct grant *grant)
{
    return grant->kind == GRANT_POLICY || grant->kind == GRANT_REBIND ||
           grant->kind == GRANT_STANDBY;
}

/* The row is what the document says, and is for this ledger. */
static bool row_fits(const struct walk *walk, const struct ledger_document *row,
                     const struct grant *grant)
{
    return memcmp(row->id.bytes, grant->id.bytes, UUID_SIZE) == 0 &&
           (int)row->kind == (int)grant->kind && row->units == grant->units &&
           row->sequence == grant->sequence &&
           (!has_sequence(grant) || grant->sequence == walk->sequence + 1) &&
           strcmp(grant->product, walk->product) == 0 &&
           strcmp(grant->site, walk->info.site) == 0 &&
           sha256_equal(&grant->hsm, &walk->info.hsm_identity);
}

static struct governed_standby *find_standby(struct governed_product *checked,
                                             const struct grant *grant)
{
    for (size_t i = 0; i < checked->standby_count; i++) {
        if (sha256_equal(&checked->standbys[i].hsm, &grant->standby) &&
            sha256_equal(&checked->standbys[i].transport_key, &grant->transport_key))
            return &checked->standbys[i];
    }
    return NULL;
}

static void note_standby(struct governed_product *checked, const struct grant *grant)
{
    struct governed_standby *found = find_standby(checked, grant);
    if (found != NULL && !grant->is_allowed)
        *found = checked->standbys[--checked->standby_count];
    if (found == NULL && grant->is_allowed && checked->standby_count < GOVERNED_STANDBYS_MAX)
        checked->standbys[checked->standby_count++] =
            (struct governed_standby){grant->standby, grant->transport_key};
}

bool governed_product_names(const struct governed_product *checked,
                            const struct governed_standby *standby)
{
    for (size_t i = 0; i < checked->standby_count; i++) {
        if (sha256_equal(&checked->standbys[i].hsm, &standby->hsm) &&
            sha256_equal(&checked->standbys[i].transport_key, &standby->transport_key))
            return true;
    }
    return false;
}

static void count(struct walk *walk, const struct ledger_document *row, const struct grant *grant)
{
    if (grant->kind == GRANT_INSTALL)
        walk->accepted += grant->units;
    if (grant->kind == GRANT_SCRAP)
        walk->scrap_allowance += grant->units;
    if (grant->kind == GRANT_REVOKE)
        walk->revoked += row->taken;
    if (has_sequence(grant))
        walk->sequence = grant->sequence;
    if (grant->kind == GRANT_OVERRIDE && walk->wanted != NULL)
        walk->has_override |= grant->anchor.size == walk->wanted->anchor.size &&
                              grant->head.size == walk->wanted->found.size &&
                              sha256_equal(&grant->anchor.root, &walk->wanted->anchor.root) &&
                              sha256_equal(&grant->head.root, &walk->wanted->found.root);
    if (grant->kind == GRANT_OVERRIDE && grant->issued_unix_ms > walk->checked->consented_unix_ms)
        walk->checked->consented_unix_ms = grant->issued_unix_ms;
    if (grant->kind == GRANT_STANDBY)
        note_standby(walk->checked, grant);
    walk->checked->documents++;
}

/* The first document names its own signers; every other is judged by the policy before it. */
static enum error check_signatures(struct walk *walk, const struct signed_document *document,
                                   struct fault *fault)
{
    struct signers signers;
    const struct grant *grant = signed_document_grant(document);
    const struct authority_set *set = governed_product_authorities(walk->checked);
    if (set == NULL && grant->kind == GRANT_POLICY)
        set = grant->settings.authorities;
    if (set == NULL || signed_document_check(document, set, &signers, fault) != ERR_OK)
        return tampered(fault, "signatures",
                        "A document of this product is not signed as it must be.");
    return ERR_OK;
}

/* Takes the document over when it is a policy. */
static void keep_policy(struct walk *walk, struct signed_document **document)
{
    const struct grant *grant = signed_document_grant(*document);
    if (grant->kind != GRANT_POLICY)
        return;
    if (walk->checked->policy == NULL)
        walk->checked->first_authorities = authority_set_digest(grant->settings.authorities);
    signed_document_free(walk->checked->policy);
    walk->checked->policy = *document;
    *document = NULL;
}

static enum error check_opened(struct walk *walk, const struct ledger_document *row,
                               struct signed_document **document, struct fault *fault)
{
    const struct sha256 digest = signed_document_digest(*document);
    if (!row_fits(walk, row, signed_document_grant(*document)))
        return tampered(fault, "documents",
                        "A document of this product is not what the ledger says it is.");
    enum error e = check_signatures(walk, *document, fault);
    if (e == ERR_OK)
        e = document_leaf_check(walk->ledger, &walk->head, row, &digest, fault);
    if (e != ERR_OK)
        return e;
    count(walk, row, signed_document_grant(*document));
    keep_policy(walk, document);
    return ERR_OK;
}

static enum error check_document(struct walk *walk, const struct ledger_document *row,
                                 struct fault *fault)
{
    struct signed_document *document = NULL;
    if (signed_document_open(row->document, &document, fault) != ERR_OK)
        return tampered(fault, "documents", "A document of this product cannot be read.");
    enum error e = check_opened(walk, row, &document, fault);
    signed_document_free(document);
    return e;
}

static enum error check_documents(struct walk *walk, struct fault *fault)
{
    struct document_list list = {0};
    enum error e = ledger_info(walk->ledger, &walk->info, fault);
    if (e == ERR_OK)
        e = document_list_read(walk->ledger, walk->product, &list, fault);
    if (e == ERR_OK) /* after the documents, so that it covers the leaf of each */
        e = ledger_head(walk->ledger, &walk->head, fault);
    for (size_t i = 0; i < list.count && e == ERR_OK; i++)
        e = check_document(walk, &list.rows[i], fault);
    document_list_clear(&list);
    if (e == ERR_OK && walk->checked->policy == NULL)
        e = tampered(fault, "documents", "The product is governed and has no policy.");
    return e;
}

/* ---- the rows ---- */

static bool settings_fit(const struct ledger_product *product,
                         const struct grant_settings *settings)
{
    return strcmp(product->profile, settings->profile) == 0 &&
           (int)product->policy == (int)settings->policy &&
           product->allows_key_exposure == settings->allows_key_exposure &&
           strcmp(product->options, settings->options) == 0 &&
           product->attempts_max == settings->attempts_max;
}

static enum error check_anchors(struct ledger *ledger, const struct ledger_product *product,
                                const struct grant_settings *settings, struct fault *fault)
{
    char *pem = NULL;
    size_t length = 0;
    enum error e = ledger_product_anchors(ledger, product->id, &pem, &length, fault);
    if (e == ERR_OK &&
        !bytes_equal(bytes_of(pem, length), bytes_of(settings->anchors, strlen(settings->anchors))))
        e = tampered(fault, "settings", "The trust anchors are not those of the newest policy.");
    free(pem);
    return e;
}

static enum error compare(const struct walk *walk, const struct ledger_product *product,
                          struct fault *fault)
{
    const struct authority_set *set = governed_product_authorities(walk->checked);
    const struct sha256 authorities = authority_set_digest(set);
    const struct grant_settings *settings = &signed_document_grant(walk->checked->policy)->settings;
    if (product->sequence != walk->sequence)
        return tampered(fault, "sequence", "The product's sequence is not its newest document's.");
    if (!sha256_equal(&product->authorities, &authorities))
        return tampered(fault, "authorities",
                        "The product's authorities are not those of its newest policy.");
    if (product->accepted != walk->accepted || product->revoked != walk->revoked ||
        product->scrap_allowance != walk->scrap_allowance)
        return tampered(fault, "quota", "The product's units are not those of its documents.");
    if (!settings_fit(product, settings))
        return tampered(fault, "settings",
                        "The product's settings are not those of its newest policy.");
    return check_anchors(walk->ledger, product, settings, fault);
}

enum error governed_product_check(struct ledger *ledger, const struct ledger_product *product,
                                  struct governed_product *ret_checked, struct fault *fault)
{
    struct walk walk = {.ledger = ledger, .product = product->name, .checked = ret_checked};
    *ret_checked = (struct governed_product){0};
    enum error e = check_documents(&walk, fault);
    if (e == ERR_OK)
        e = compare(&walk, product, fault);
    return e;
}

enum error governed_product_overrides(struct ledger *ledger, const char *product,
                                      const struct ledger_heads *heads, bool *ret_has_override,
                                      struct fault *fault)
{
    struct governed_product checked = {0};
    struct walk walk = {.ledger = ledger, .product = product, .wanted = heads, .checked = &checked};
    enum error e = check_documents(&walk, fault);
    governed_product_clear(&checked);
    if (e == ERR_OK)
        *ret_has_override = walk.has_override;
    return e;
}
