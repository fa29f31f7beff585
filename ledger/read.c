/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The reading half of ledger.h: committed state, straight from the store. Owns no state. */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/rules.h"

enum error ledger_info(struct ledger *ledger, struct ledger_info *ret_info, struct fault *fault)
{
    return ledger->ops->info(ledger->store, ret_info, fault);
}

enum error ledger_principal_get(struct ledger *ledger, const struct sha256 *spki,
                                struct ledger_principal *ret_principal, struct fault *fault)
{
    struct ledger_principal principal;
    bool is_known = false;
    enum error e = ledger->ops->principal_get(ledger->store, spki, &is_known, &principal, fault);
    if (e == ERR_OK)
        e = rules_principal(is_known, is_known && principal.is_enabled, fault);
    if (e != ERR_OK)
        return e;
    *ret_principal = principal;
    ret_principal->key = *spki;
    return ERR_OK;
}

enum error ledger_product_get(struct ledger *ledger, const char *name,
                              struct ledger_product *ret_product, struct fault *fault)
{
    return ledger->ops->product_get(ledger->store, name, ret_product, fault);
}

enum error ledger_product_crls(struct ledger *ledger, int64_t product_id, char **ret_pem,
                               size_t *ret_length, struct fault *fault)
{
    return ledger->ops->product_crls(ledger->store, product_id, ret_pem, ret_length, fault);
}

enum error ledger_product_anchors(struct ledger *ledger, int64_t product_id, char **ret_pem,
                                  size_t *ret_length, struct fault *fault)
{
    return ledger->ops->product_anchors(ledger->store, product_id, ret_pem, ret_length, fault);
}

enum error ledger_image_get(struct ledger *ledger, int64_t product_id, const struct sha256 *digest,
                            struct ledger_image *ret_image, struct fault *fault)
{
    return ledger->ops->image_get(ledger->store, product_id, digest, ret_image, fault);
}

enum error ledger_alias_get(struct ledger *ledger, const char *alias,
                            struct ledger_alias *ret_alias, struct fault *fault)
{
    return ledger->ops->alias_get(ledger->store, alias, ret_alias, fault);
}

enum error ledger_image_exists(struct ledger *ledger, const struct sha256 *digest,
                               struct fault *fault)
{
    return ledger->ops->image_exists(ledger->store, digest, fault);
}

enum error ledger_products_each(struct ledger *ledger,
                                bool (*each)(void *context, const struct ledger_product *product),
                                void *context, struct fault *fault)
{
    return ledger->ops->products_each(ledger->store, each, context, fault);
}

enum error ledger_images_each(struct ledger *ledger, int64_t product_id,
                              bool (*each)(void *context, const struct ledger_image *image),
                              void *context, struct fault *fault)
{
    return ledger->ops->images_each(ledger->store, product_id, each, context, fault);
}

enum error ledger_principals_each(struct ledger *ledger,
                                  bool (*each)(void *context,
                                               const struct ledger_principal *principal),
                                  void *context, struct fault *fault)
{
    return ledger->ops->principals_each(ledger->store, each, context, fault);
}

enum error ledger_accounts_each(struct ledger *ledger, bool with_usage,
                                bool (*each)(void *context, const struct ledger_product *product,
                                             const struct ledger_usage *usage),
                                void *context, int64_t *ret_journal_size, struct fault *fault)
{
    return ledger->ops->accounts_each(ledger->store, with_usage, each, context, ret_journal_size,
                                      fault);
}

uint64_t ledger_catalogue_version(struct ledger *ledger)
{
    return committer_version(ledger->committer);
}

void ledger_commits_get(struct ledger *ledger, struct ledger_commits *ret_commits)
{
    committer_read(ledger->committer, ret_commits);
}

enum error ledger_writer_check(struct ledger *ledger, struct fault *fault)
{
    if (committer_under_way_ms(ledger->committer) <= LEDGER_COMMIT_TIMEOUT_MS)
        return ERR_OK;
    return fault_set(fault, ERR_LEDGER_UNAVAILABLE, "commit-hangs",
                     "One commit to the ledger has been under way for more than 10 s: look at its "
                     "disk. Nothing new is written meanwhile.",
                     0);
}

enum error ledger_broken_check(struct ledger *ledger, struct fault *fault)
{
    struct fault broken = {0};
    int64_t age_ms = 0;
    enum error e = committer_broken(ledger->committer, &age_ms, &broken);
    if (e == ERR_OK || (age_ms > LEDGER_BROKEN_MS && strcmp(broken.reason, "ledger-changed") != 0))
        return ERR_OK;
    *fault = broken;
    return e;
}

enum error ledger_usage(struct ledger *ledger, const char *product, struct ledger_usage *ret_usage,
                        struct fault *fault)
{
    return ledger->ops->usage(ledger->store, product, clock_unix_ms(), ret_usage, fault);
}

/* ---- pages ---- */

static enum error check_limit(unsigned limit, struct fault *fault)
{
    if (limit >= 1 && limit <= LEDGER_PAGE_MAX)
        return ERR_OK;
    return fault_set(fault, ERR_BAD_REQUEST, "limit", "A page has 1 to 256 rows.", 0);
}

enum error ledger_installs_each(struct ledger *ledger, const struct ledger_install_filter *filter,
                                bool (*each)(void *context, const struct ledger_install *install),
                                void *context, int64_t *ret_next, struct fault *fault)
{
    enum error e = check_limit(filter->limit, fault);
    if (e == ERR_OK)
        e = ledger->ops->installs_each(ledger->store, filter, each, context, ret_next, fault);
    return e;
}

enum error ledger_install_get(struct ledger *ledger, const struct uuid *id,
                              struct ledger_install *ret_install, struct fault *fault)
{
    return ledger->ops->install_get(ledger->store, id, ret_install, fault);
}

enum error ledger_usage_each(struct ledger *ledger, const struct ledger_usage_filter *filter,
                             bool (*each)(void *context, const struct ledger_usage_row *row),
                             void *context, bool *ret_more, struct fault *fault)
{
    enum error e = check_limit(filter->limit, fault);
    if (e == ERR_OK && (filter->key < LEDGER_BY_LOT || filter->key > LEDGER_BY_STATION))
        e = fault_set(fault, ERR_BAD_REQUEST, "key", "Usage is by lot, day or station.", 0);
    if (e == ERR_OK)
        e = ledger->ops->usage_each(ledger->store, filter, each, context, ret_more, fault);
    return e;
}

enum error ledger_charged_since(struct ledger *ledger, int64_t product_id, int64_t since_unix_ms,
                                int64_t *ret_units, struct fault *fault)
{
    return ledger->ops->charged_since(ledger->store, product_id, since_unix_ms, ret_units, fault);
}

/* The number of parameters is that of a filter, a page and a listing. */
/* NOLINTNEXTLINE(readability-function-size) */
enum error ledger_documents_page(struct ledger *ledger, const char *products, const char *product,
                                 int64_t before, unsigned limit,
                                 bool (*each)(void *context,
                                              const struct ledger_document *document),
                                 void *context, int64_t *ret_next, struct fault *fault)
{
    const struct store_documents asked = {
        .products = products, .product = product, .before = before, .limit = limit};
    enum error e = check_limit(limit, fault);
    if (e == ERR_OK)
        e = ledger->ops->documents_page(ledger->store, &asked, each, context, ret_next, fault);
    return e;
}

enum error ledger_document_get(struct ledger *ledger, const struct uuid *id,
                               bool (*each)(void *context, const struct ledger_document *document),
                               void *context, struct fault *fault)
{
    return ledger->ops->document_get(ledger->store, id, each, context, fault);
}
