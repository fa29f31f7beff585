/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Documents against leaves, dates, addresses and signers. */
#include "audit/replay_document.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "journal/export.h"

#define SIGNERS_TEXT (AUTHORITY_KEYS_MAX * SHA256_HEX_SIZE)

/* A document on its way. */
struct course {
    struct replay *replay;
    const struct leaf *leaf;
    struct book_product *product;
    struct signed_document *document; /* owned, until a policy is kept */
    const struct grant *grant;
};

/* ---- is it for this ledger, and then ---- */

static void check_address(const struct course *course)
{
    struct replay *replay = course->replay;
    const struct grant *grant = course->grant;
    struct bytes product = bytes_of(grant->product, strlen(grant->product));
    if (!bytes_equal(product, course->product->name))
        FIND(replay, course->leaf, "grant-other-product",
             "Its document is for product %s, and it was counted for %.*s.", grant->product,
             RAW(course->product->name));
    if (!replay->report->has_identity)
        return;
    if (strcmp(grant->site, replay->report->site) != 0)
        FIND(replay, course->leaf, "grant-other-site",
             "Its document is for the site %s, and this is the journal of %s.", grant->site,
             replay->report->site);
    if (!sha256_equal(&grant->hsm, &replay->report->hsm))
        FIND(replay, course->leaf, "grant-other-hsm", "Its document is for another HSM.");
}

static void find_date(const struct course *course, const char *word, const char *what,
                      int64_t unix_ms)
{
    char text[TIMESTAMP_SIZE];
    timestamp_format(unix_ms, text);
    FIND(course->replay, course->leaf, word, "Its document %s %s.", what, text);
}

/* Before the ledger's override by its own clock, or the maker's by his. */
static void check_issued(const struct course *course)
{
    struct book_product *product = course->product;
    const struct grant *grant = course->grant;
    int64_t overridden = course->replay->overridden_unix_ms;
    if (grant->kind == GRANT_OVERRIDE) {
        if (grant->issued_unix_ms > product->consented_unix_ms)
            product->consented_unix_ms = grant->issued_unix_ms;
        return;
    }
    if (grant->issued_unix_ms < overridden)
        find_date(course, "grant-before-override",
                  "was issued before the last override of the ledger, of", overridden);
    else if (grant->issued_unix_ms <= product->consented_unix_ms)
        find_date(course, "grant-before-override",
                  "was issued before the maker's last override, of", product->consented_unix_ms);
}

static void check_dates(const struct course *course)
{
    const struct grant *grant = course->grant;
    int64_t now = course->leaf->time_unix_ms;
    if (now < grant->not_before_unix_ms)
        find_date(course, "grant-not-yet-valid", "was accepted before it was valid, from",
                  grant->not_before_unix_ms);
    if (grant->not_after_unix_ms != 0 && now > grant->not_after_unix_ms)
        find_date(course, "grant-expired", "could be accepted only until",
                  grant->not_after_unix_ms);
    check_issued(course);
}

/* ---- signatures ---- */

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_SIZE);
}

static bool signers_differ(const struct leaf *leaf, struct signers *signers)
{
    char text[SIGNERS_TEXT] = "";
    size_t at = 0;
    qsort(signers->keys, signers->count, sizeof signers->keys[0], compare_keys);
    for (size_t i = 0; i < signers->count; i++) {
        if (i > 0)
            text[at++] = ',';
        hex_encode(bytes_of(signers->keys[i].bytes, SHA256_SIZE), text + at);
        at += SHA256_HEX_SIZE - 1;
    }
    return !leaf_text_is(leaf, FIELD_SIGNERS, text);
}

/* A first policy is judged by the set that it names itself, all else by the policy before. */
static const struct authority_set *judges_of(const struct course *course)
{
    if (course->product->policy != NULL)
        return signed_document_grant(course->product->policy)->settings.authorities;
    bool is_first = course->grant->kind == GRANT_POLICY && course->product->sequence == 0;
    return is_first ? course->grant->settings.authorities : NULL;
}

static void check_signatures(const struct course *course)
{
    struct replay *replay = course->replay;
    struct signers signers;
    struct fault fault;
    const struct authority_set *judges = judges_of(course);
    if (judges == NULL) {
        FIND(replay, course->leaf, "grant-unjudged",
             "Who could sign its document for product %.*s then is not known: the policy before it "
             "is missing.",
             RAW(course->product->name));
        return;
    }
    if (signed_document_check(course->document, judges, &signers, &fault) != ERR_OK)
        FIND(replay, course->leaf, "grant-signature",
             "Its document was not signed as the authorities of product %.*s must sign it (%s).",
             RAW(course->product->name), fault.reason);
    else if (signers_differ(course->leaf, &signers))
        FIND(replay, course->leaf, "grant-signers",
             "It names other signers than those who signed its document.");
}

/* ---- the first policy and the leaf that made the product ---- */

static void check_creation(const struct course *course)
{
    struct leaf created;
    int64_t index = course->product->created;
    if (course->grant->kind != GRANT_POLICY || course->product->sequence != 0)
        return;
    leaf_read(export_leaf(course->replay->file, index), index, &created);
    const char *difference = replay_settings_differ(&created, &course->grant->settings);
    if (difference != NULL)
        findings_add(&course->replay->findings, RANK_LEAF, "created-differs", index,
                     "It makes product %.*s with another %s than its first signed policy says.",
                     RAW(course->product->name), difference);
}

/* ---- all ---- */

static enum error check_opened(struct course *course, uint32_t number, struct fault *fault)
{
    bool was_used = false;
    const char *difference = document_difference(course->leaf, course->grant);
    enum error e =
        documents_use(course->replay->documents, number, &course->grant->id, &was_used, fault);
    if (e != ERR_OK)
        return e;
    if (was_used)
        FIND(course->replay, course->leaf, "grant-repeated",
             "Its document was counted before, and each counts once.");
    if (difference != NULL)
        FIND(course->replay, course->leaf, "grant-leaf-differs",
             "Its %s is not what its signed document says.", difference);
    check_address(course);
    check_dates(course);
    check_signatures(course);
    check_creation(course);
    return ERR_OK;
}

static void keep_policy(struct course *course)
{
    if (course->grant->kind != GRANT_POLICY)
        return;
    signed_document_free(course->product->policy);
    course->product->policy = course->document;
    course->document = NULL;
}

/* A document that is missing leaves its product without a known policy when it was one. */
static void forget_policy(const struct course *course)
{
    if (!leaf_text_is(course->leaf, FIELD_KIND, "policy"))
        return;
    signed_document_free(course->product->policy);
    course->product->policy = NULL;
}

static enum error fail(const struct course *course, const char *reason)
{
    FIND(course->replay, course->leaf, "document-missing",
         "The signed document that it names, of product %.*s, is %s.", RAW(course->product->name),
         reason);
    forget_policy(course);
    return ERR_OK;
}

enum error replay_document(struct replay *replay, const struct leaf *leaf,
                           struct book_product *product, struct fault *fault)
{
    struct course course = {.replay = replay, .leaf = leaf, .product = product};
    const struct sha256 digest = leaf_digest(leaf, FIELD_DOCUMENT);
    uint32_t number = documents_find(replay->documents, &digest);
    if (number == POOL_NONE)
        return fail(&course, "not in the export");
    enum error e = documents_open(replay->documents, number, &course.document, fault);
    if (e == ERR_INTERNAL)
        return e;
    if (e != ERR_OK)
        return fail(&course, "none that can be read");
    course.grant = signed_document_grant(course.document);
    e = check_opened(&course, number, fault);
    if (e == ERR_OK)
        keep_policy(&course);
    signed_document_free(course.document);
    return e;
}
