/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The verdicts, a list guarded by `lock`; products are few. Checks run outside the lock. */
#include "vault/governance.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "vault/governed_product.h"
#include "vault/key_chain.h"
#include "vault/key_presence.h"
#include "vault/recount.h"

struct entry {
    int64_t product_id;
    char name[LEDGER_NAME_MAX + 1];
    struct fault verdict;
    struct governed_product checked; /* of a governed product */
    struct entry *next;
};

#define LISTED_TRIES 8 /* as often as a list may be taken while the devices are compared */

struct governance {
    struct ledger *ledger;
    struct hsm_client *hsm;
    pthread_mutex_t sets; /* held by who replaces or uses an entry's authorities; taken first */
    pthread_mutex_t lock; /* guards everything below; held for moments, each license takes it */
    struct entry *first;
    bool keeps_data;
};

/* The products of the ledger, copied: nothing may be asked while they are read. */
struct products {
    struct ledger_product *rows;
    size_t count;
    bool is_out_of_memory;
};

enum error governance_new(struct ledger *ledger, struct hsm_client *hsm,
                          struct governance **ret_governance)
{
    struct governance *governance = calloc(1, sizeof *governance);
    if (governance == NULL)
        return ERR_INTERNAL;
    governance->ledger = ledger;
    governance->hsm = hsm;
    (void)pthread_mutex_init(&governance->sets, NULL);
    (void)pthread_mutex_init(&governance->lock, NULL);
    *ret_governance = governance;
    return ERR_OK;
}

static void entry_free(struct entry *entry)
{
    if (entry == NULL)
        return;
    governed_product_clear(&entry->checked);
    free(entry);
}

void governance_free(struct governance *governance)
{
    if (governance == NULL)
        return;
    while (governance->first != NULL) {
        struct entry *next = governance->first->next;
        entry_free(governance->first);
        governance->first = next;
    }
    (void)pthread_mutex_destroy(&governance->sets);
    (void)pthread_mutex_destroy(&governance->lock);
    free(governance);
}

/* ---- the list ---- */

/* Under lock. */
static struct entry *find(const struct governance *governance, int64_t product_id)
{
    struct entry *entry = governance->first;
    while (entry != NULL && entry->product_id != product_id)
        entry = entry->next;
    return entry;
}

/* Takes made over, in the place of what was known about the product. */
static void replace(struct governance *governance, struct entry *made)
{
    struct entry *old = NULL;
    (void)pthread_mutex_lock(&governance->sets);
    (void)pthread_mutex_lock(&governance->lock);
    struct entry **link = &governance->first;
    while (*link != NULL && (*link)->product_id != made->product_id)
        link = &(*link)->next;
    old = *link;
    made->next = old != NULL ? old->next : NULL;
    *link = made;
    (void)pthread_mutex_unlock(&governance->lock);
    entry_free(old);
    (void)pthread_mutex_unlock(&governance->sets);
}

static bool keeps_data(struct governance *governance)
{
    (void)pthread_mutex_lock(&governance->lock);
    bool keeps = governance->keeps_data;
    (void)pthread_mutex_unlock(&governance->lock);
    return keeps;
}

/* ---- one product ---- */

static enum error tampered(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_PRODUCT_TAMPERED, reason, detail, 0);
}

static void log_verdict(const char *product, const struct fault *fault)
{
    log_event(LOG_LEVEL_ERROR, "product-tampered", LOG_TEXT("product", product),
              LOG_TEXT("reason", fault->reason), LOG_TEXT("detail", fault->detail));
}

static enum error check_governed(struct governance *governance,
                                 const struct ledger_product *product, struct entry *entry,
                                 struct fault *fault)
{
    bool is_kept = false;
    struct sha256 kept;
    if (!keeps_data(governance))
        return tampered(fault, "no-data-objects",
                        "This HSM cannot remember authorities: it serves local products only.");
    enum error e = governed_product_check(governance->ledger, product, &entry->checked, fault);
    if (e == ERR_OK)
        e = hsm_authority_read(governance->hsm, product->name, &is_kept, &kept, fault);
    if (e == ERR_OK && (!is_kept || !sha256_equal(&kept, &entry->checked.first_authorities)))
        e = tampered(fault, "authorities",
                     "The HSM does not remember this product's first authorities.");
    return e;
}

static enum error check_local(struct governance *governance, const struct ledger_product *product,
                              struct fault *fault)
{
    bool is_kept = false;
    struct sha256 kept;
    if (!keeps_data(governance))
        return ERR_OK;
    enum error e = hsm_authority_read(governance->hsm, product->name, &is_kept, &kept, fault);
    if (e == ERR_OK && is_kept)
        e = tampered(fault, "governed-in-hsm",
                     "The HSM remembers an authority of this product, and the ledger has none.");
    return e;
}

/* A verdict is an answer; anything else (no HSM, no disk) says nothing about the product. */
static enum error judge(struct governance *governance, const struct ledger_product *product,
                        struct fault *fault)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    entry->product_id = product->id;
    strcpy(entry->name, product->name);
    enum error e = key_chain_check(governance->ledger, product, fault);
    if (e == ERR_OK && product->is_governed)
        e = check_governed(governance, product, entry, fault);
    else if (e == ERR_OK)
        e = check_local(governance, product, fault);
    if (e != ERR_OK && e != ERR_PRODUCT_TAMPERED) {
        entry_free(entry);
        return e;
    }
    if (e != ERR_OK) {
        entry->verdict = *fault;
        log_verdict(product->name, fault);
    }
    replace(governance, entry);
    return e;
}

enum error governance_recheck(struct governance *governance, const char *product,
                              struct fault *fault)
{
    struct ledger_product row;
    enum error e = ledger_product_get(governance->ledger, product, &row, fault);
    if (e == ERR_OK)
        e = judge(governance, &row, fault);
    return e;
}

/* ---- all products ---- */

static bool add_product(void *context, const struct ledger_product *product)
{
    struct products *products = context;
    struct ledger_product *rows =
        realloc(products->rows, (products->count + 1) * sizeof *products->rows);
    products->is_out_of_memory = rows == NULL;
    if (rows == NULL)
        return false;
    products->rows = rows;
    products->rows[products->count++] = *product;
    return true;
}

static enum error read_products(struct ledger *ledger, struct products *products,
                                struct fault *fault)
{
    enum error e = ledger_products_each(ledger, add_product, products, fault);
    if (e == ERR_OK && products->is_out_of_memory)
        e = fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return e;
}

/* Under no lock: called before anybody is served. */
static void condemn(struct governance *governance, int64_t product_id, const struct fault *fault)
{
    (void)pthread_mutex_lock(&governance->lock);
    struct entry *entry = find(governance, product_id);
    bool is_new = entry != NULL && entry->verdict.code == ERR_OK;
    if (is_new) {
        entry->verdict = *fault;
        log_verdict(entry->name, fault);
    }
    (void)pthread_mutex_unlock(&governance->lock);
}

static int64_t documents_of(struct governance *governance, int64_t product_id)
{
    (void)pthread_mutex_lock(&governance->lock);
    const struct entry *entry = find(governance, product_id);
    int64_t documents = entry != NULL ? entry->checked.documents : 0;
    (void)pthread_mutex_unlock(&governance->lock);
    return documents;
}

/* A list that is taken meanwhile is looked at again: then the journal has grown. */
static enum error check_listed(struct ledger *ledger, const struct ledger_product *row,
                               struct fault *fault)
{
    for (int i = 0; i < LISTED_TRIES; i++) {
        struct recount_product product = {.documents = 0};
        struct recount counted = {.products = &product, .count = 1};
        struct ledger_info before;
        struct ledger_info after;
        struct sha256 rows;
        strcpy(product.name, row->name);
        enum error e = ledger_info(ledger, &before, fault);
        if (e == ERR_OK)
            e = recount_journal(ledger, before.journal_size, &counted, fault);
        if (e == ERR_OK)
            e = ledger_listed_state(ledger, row->id, &rows, fault);
        if (e == ERR_OK)
            e = ledger_info(ledger, &after, fault);
        if (e != ERR_OK || sha256_equal(&product.listed, &rows))
            return e;
        if (before.journal_size == after.journal_size)
            break;
    }
    return tampered(
        fault, "listed-devices",
        "The journal tells of other listed devices of this product than the ledger has.");
}

static enum error compare_listed(struct governance *governance, const struct ledger_product *row,
                                 const struct recount_product *counted, struct fault *fault)
{
    struct sha256 rows;
    enum error e = ledger_listed_state(governance->ledger, row->id, &rows, fault);
    if (e == ERR_OK && !sha256_equal(&rows, &counted->listed))
        e = check_listed(governance->ledger, row, fault);
    if (e == ERR_PRODUCT_TAMPERED)
        condemn(governance, row->id, fault);
    return e == ERR_PRODUCT_TAMPERED ? ERR_OK : e;
}

static void compare_count(struct governance *governance, const struct ledger_product *row,
                          const struct recount_product *counted)
{
    struct fault fault;
    if (counted->documents != documents_of(governance, row->id)) {
        (void)tampered(&fault, "documents",
                       "The journal tells of other documents of this product than there are.");
        condemn(governance, row->id, &fault);
    } else if (row->used > row->quota) {
        (void)tampered(&fault, "quota", "More was charged than was granted.");
        condemn(governance, row->id, &fault);
    } else if (counted->scrap_drawn != row->scrap_drawn) {
        (void)tampered(&fault, "scrap-units",
                       "The journal tells of other drawn scrap units than the ledger has.");
        condemn(governance, row->id, &fault);
    } else if (counted->charged != row->used) {
        (void)tampered(&fault, "charges",
                       "The journal tells of other charges of this product than the ledger has.");
        condemn(governance, row->id, &fault);
    }
}

static enum error compare(struct governance *governance, const struct ledger_product *row,
                          const struct recount_product *counted, struct fault *fault)
{
    compare_count(governance, row, counted);
    return compare_listed(governance, row, counted, fault);
}

static bool add_account(void *context, const struct ledger_product *product,
                        const struct ledger_usage *usage)
{
    (void)usage;
    return add_product(context, product);
}

/* Rows and journal of one moment: outcomes are recorded all the time. */
static enum error read_snapshot(struct ledger *ledger, struct products *products, int64_t *ret_size,
                                struct fault *fault)
{
    enum error e = ledger_accounts_each(ledger, false, add_account, products, ret_size, fault);
    if (e == ERR_OK && products->is_out_of_memory)
        e = fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return e;
}

static void name_governed(const struct products *products, struct recount *counted)
{
    for (size_t i = 0; i < products->count && counted->count < RECOUNT_PRODUCTS_MAX; i++) {
        if (products->rows[i].is_governed)
            strcpy(counted->products[counted->count++].name, products->rows[i].name);
    }
}

/* The governed products, counted from the journal; a wrong one is condemned. */
static enum error recount(struct governance *governance, const struct products *products,
                          int64_t size, struct fault *fault)
{
    struct recount counted = {.products =
                                  calloc(products->count + 1, sizeof(struct recount_product))};
    if (counted.products == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    name_governed(products, &counted);
    enum error e = recount_journal(governance->ledger, size, &counted, fault);
    for (size_t i = 0, at = 0; i < products->count; i++) {
        if (!products->rows[i].is_governed)
            continue;
        if (e == ERR_OK && at == counted.count)
            (void)tampered(fault, "too-many", "There are more governed products than are checked.");
        if (e == ERR_PRODUCT_TAMPERED || (e == ERR_OK && at == counted.count))
            condemn(governance, products->rows[i].id, fault);
        else if (e == ERR_OK)
            e = compare(governance, &products->rows[i], &counted.products[at++], fault);
    }
    free(counted.products);
    return e == ERR_PRODUCT_TAMPERED ? ERR_OK : e;
}

enum error governance_check_all(struct governance *governance, bool keeps, struct fault *fault)
{
    struct products products = {0};
    int64_t size = 0;
    (void)pthread_mutex_lock(&governance->lock);
    governance->keeps_data = keeps;
    (void)pthread_mutex_unlock(&governance->lock);
    enum error e = read_snapshot(governance->ledger, &products, &size, fault);
    for (size_t i = 0; i < products.count && e == ERR_OK; i++) {
        e = judge(governance, &products.rows[i], fault);
        if (e == ERR_PRODUCT_TAMPERED)
            e = ERR_OK;
    }
    if (e == ERR_OK)
        e = key_presence_check(governance->hsm, products.rows, products.count, fault);
    if (e == ERR_OK)
        e = recount(governance, &products, size, fault);
    free(products.rows);
    return e;
}

/* The verdict on the product; under this name, unless name is NULL. */
static enum error verdict_of(struct governance *governance, int64_t product_id, const char *name,
                             struct fault *fault)
{
    (void)pthread_mutex_lock(&governance->lock);
    const struct entry *entry = find(governance, product_id);
    struct fault verdict = {0};
    if (entry == NULL)
        (void)fault_set(&verdict, ERR_HSM_UNAVAILABLE, "product-unchecked",
                        "The product was not checked yet, because the HSM was not asked.", 0);
    else if (name != NULL && strcmp(entry->name, name) != 0)
        (void)tampered(&verdict, "name", "The product has another name than when it was checked.");
    else
        verdict = entry->verdict;
    (void)pthread_mutex_unlock(&governance->lock);
    if (verdict.code != ERR_OK)
        *fault = verdict;
    return verdict.code;
}

static bool is_sound(void *context, int64_t product_id)
{
    struct fault fault;
    return verdict_of(context, product_id, NULL, &fault) == ERR_OK;
}

enum error governance_note_accounts(struct governance *governance, struct fault *fault)
{
    return ledger_account_note(governance->ledger, is_sound, governance, fault);
}

/* ---- asking ---- */

enum error governance_permits(struct governance *governance, int64_t product_id, const char *name,
                              struct fault *fault)
{
    return verdict_of(governance, product_id, name, fault);
}

enum error governance_name_is_free(struct governance *governance, const char *name,
                                   struct fault *fault)
{
    bool is_kept = false;
    struct sha256 kept;
    if (!keeps_data(governance))
        return ERR_OK;
    enum error e = hsm_authority_read(governance->hsm, name, &is_kept, &kept, fault);
    if (e == ERR_OK && is_kept)
        e = fault_set(fault, ERR_CONFLICT, "name-governed",
                      "The HSM remembers an authority of a product of this name: only that "
                      "product's first policy makes it.",
                      0);
    return e;
}

enum error governance_permits_standby(struct governance *governance,
                                      const struct ledger_product *product,
                                      const struct governed_standby *standby, struct fault *fault)
{
    enum error e = judge(governance, product, fault);
    if (e != ERR_OK || !product->is_governed)
        return e;
    (void)pthread_mutex_lock(&governance->lock);
    const struct entry *entry = find(governance, product->id);
    bool is_named = entry != NULL && governed_product_names(&entry->checked, standby);
    (void)pthread_mutex_unlock(&governance->lock);
    if (is_named)
        return ERR_OK;
    return fault_set(fault, ERR_FORBIDDEN, "standby-not-signed",
                     "The product is governed, and no signed document names this HSM and its "
                     "transport key as a standby: its authorities sign one of the kind standby "
                     "(provctl grant new).",
                     0);
}

enum error governance_has_place_for(struct governance *governance,
                                    const struct ledger_product *product,
                                    const struct governed_standby *standby, struct fault *fault)
{
    enum error e = judge(governance, product, fault);
    if (e != ERR_OK)
        return e;
    (void)pthread_mutex_lock(&governance->lock);
    const struct entry *entry = find(governance, product->id);
    bool has_place = entry != NULL && (entry->checked.standby_count < GOVERNED_STANDBYS_MAX ||
                                       governed_product_names(&entry->checked, standby));
    (void)pthread_mutex_unlock(&governance->lock);
    if (has_place)
        return ERR_OK;
    return fault_set(
        fault, ERR_GRANT_REFUSED, "standbys-full",
        "The product's documents name 16 standby HSMs already: the maker withdraws one "
        "first.",
        0);
}

/* By the maker's own dates: the server's clock may be behind, and the factory sets it. */
static enum error check_issued(const struct entry *entry, const struct grant *grant,
                               struct fault *fault)
{
    if (grant->kind == GRANT_OVERRIDE || grant->issued_unix_ms > entry->checked.consented_unix_ms)
        return ERR_OK;
    return fault_set(fault, ERR_GRANT_REFUSED, "before-override",
                     "The document was issued before the maker's last override of the ledger: the "
                     "maker signs a new one.",
                     0);
}

enum error governance_check_document(struct governance *governance, int64_t product_id,
                                     const struct signed_document *document,
                                     struct signers *ret_signers, struct fault *fault)
{
    enum error e = verdict_of(governance, product_id, NULL, fault);
    if (e != ERR_OK)
        return e;
    (void)pthread_mutex_lock(&governance->sets);
    (void)pthread_mutex_lock(&governance->lock);
    const struct entry *entry = find(governance, product_id);
    (void)pthread_mutex_unlock(&governance->lock);
    const struct authority_set *set = governed_product_authorities(&entry->checked);
    if (set != NULL)
        e = signed_document_check(document, set, ret_signers, fault);
    if (set != NULL && e == ERR_OK)
        e = check_issued(entry, signed_document_grant(document), fault);
    (void)pthread_mutex_unlock(&governance->sets);
    if (set == NULL)
        return fault_set(fault, ERR_GRANT_REFUSED, "product-local",
                         "The product is local: no signed document changes it.", 0);
    return e;
}

static void show_set(const struct authority_set *set, struct governance_view *view)
{
    view->threshold = authority_set_threshold(set);
    view->member_count = authority_set_count(set);
    for (size_t i = 0; i < view->member_count; i++) {
        view->members[i] = authority_set_key(set, i);
        authority_set_name(set, i, view->names[i]);
    }
}

void governance_show(struct governance *governance, int64_t product_id,
                     struct governance_view *ret_view)
{
    memset(ret_view, 0, sizeof *ret_view);
    if (verdict_of(governance, product_id, NULL, &ret_view->verdict) == ERR_OK)
        ret_view->verdict = (struct fault){0};
    (void)pthread_mutex_lock(&governance->lock);
    const struct entry *entry = find(governance, product_id);
    const struct authority_set *set =
        entry != NULL ? governed_product_authorities(&entry->checked) : NULL;
    if (set != NULL) {
        show_set(set, ret_view);
        ret_view->first_authorities = entry->checked.first_authorities;
    }
    (void)pthread_mutex_unlock(&governance->lock);
}

/* ---- overrides ---- */

static enum error check_consent(struct governance *governance, const struct ledger_product *product,
                                const struct ledger_heads *heads, struct fault *fault)
{
    bool is_kept = false;
    bool has_override = false;
    struct sha256 kept;
    enum error e = hsm_authority_read(governance->hsm, product->name, &is_kept, &kept, fault);
    if (e == ERR_OK && (is_kept || product->is_governed))
        e = governed_product_overrides(governance->ledger, product->name, heads, &has_override,
                                       fault);
    if (e != ERR_OK || has_override || !(is_kept || product->is_governed))
        return e;
    return fault_set(fault, ERR_FORBIDDEN, "product-governed",
                     "A governed product's makers have not signed an override for these heads; "
                     "apply their documents first (provctl grant apply).",
                     0);
}

static bool has_product(const struct products *products, const char *name)
{
    for (size_t i = 0; i < products->count; i++) {
        if (strcmp(products->rows[i].name, name) == 0)
            return true;
    }
    return false;
}

/* A ledger from before such a product was made would let its maker's documents count once more. */
static enum error check_forgotten(struct governance *governance, const struct products *products,
                                  struct fault *fault)
{
    if (!keeps_data(governance))
        return ERR_OK;
    struct hsm_authorities *authorities = calloc(1, sizeof *authorities);
    if (authorities == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = hsm_authority_list(governance->hsm, authorities, fault);
    for (size_t i = 0; e == ERR_OK && i < authorities->count; i++) {
        if (!has_product(products, authorities->products[i]))
            e = fault_set(
                fault, ERR_FORBIDDEN, "product-governed",
                "The HSM remembers a governed product that this ledger does not have. Its "
                "maker's first policy makes it again (provctl grant apply), then his "
                "override is needed, too.",
                0);
    }
    free(authorities);
    return e;
}

enum error governance_allows_override(struct governance *governance,
                                      const struct ledger_heads *heads, struct fault *fault)
{
    struct products products = {0};
    enum error e = read_products(governance->ledger, &products, fault);
    for (size_t i = 0; i < products.count && e == ERR_OK; i++)
        e = check_consent(governance, &products.rows[i], heads, fault);
    if (e == ERR_OK)
        e = check_forgotten(governance, &products, fault);
    free(products.rows);
    return e;
}

unsigned governance_count_tampered(struct governance *governance)
{
    unsigned count = 0;
    (void)pthread_mutex_lock(&governance->lock);
    for (const struct entry *entry = governance->first; entry != NULL; entry = entry->next)
        count += entry->verdict.code == ERR_PRODUCT_TAMPERED;
    (void)pthread_mutex_unlock(&governance->lock);
    return count;
}
