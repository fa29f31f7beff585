/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The listings of the admin socket. Owns no state beyond the task. */
#include <string.h>

#include "vault/admin_task.h"
#include "vault/entries.h"
#include "vault/listing.h"

struct budget_row {
    Provisiond__BudgetEntry entry;
    struct ledger_budget budget;
};

/* The task's listing, freed with it; NULL when memory is out. */
static struct listing *start(struct admin_task *task, size_t row_size)
{
    struct listing *listing = listing_new(row_size);
    task->memory = listing;
    task->free_memory = listing_free;
    if (listing == NULL)
        (void)fault_set(&task->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return listing;
}

/* ---- products ---- */

/* One product by its name, or all. */
static enum error find_products(struct admin_task *task, struct listing *listing)
{
    const char *name = task->request->product_list->name;
    struct ledger_product product;
    if (name[0] == '\0')
        return ledger_products_each(task->vault->ledger, entry_add_product, listing, &task->fault);
    enum error e = ledger_product_get(task->vault->ledger, name, &product, &task->fault);
    if (e == ERR_OK)
        (void)entry_add_product(listing, &product);
    return e;
}

enum error admin_product_list(struct admin_task *task)
{
    struct listing *listing = start(task, sizeof(struct product_row));
    bool is_single = task->request->product_list->name[0] != '\0';
    Provisiond__ProductListReply *reply = &task->result.product_list;
    if (listing == NULL)
        return task->fault.code;
    enum error e = listing_finish(listing, find_products(task, listing), &task->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        entry_fill_product(task->vault, listing->links[i], is_single);
    provisiond__product_list_reply__init(reply);
    reply->n_products = listing->count;
    reply->products = (Provisiond__ProductEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_LIST;
    task->reply.product_list = reply;
    return ERR_OK;
}

/* ---- images ---- */

enum error admin_image_list(struct admin_task *task)
{
    struct ledger_product product;
    struct listing *listing = start(task, sizeof(struct image_row));
    struct image_search search = {.listing = listing};
    Provisiond__ImageListReply *reply = &task->result.image_list;
    if (listing == NULL)
        return task->fault.code;
    enum error e = ledger_product_get(task->vault->ledger, task->request->image_list->product,
                                      &product, &task->fault);
    if (e == ERR_OK)
        e = entry_find_images(task->vault->ledger, &product, &search, &task->fault);
    e = listing_finish(listing, e, &task->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        entry_fill_image(listing->links[i]);
    provisiond__image_list_reply__init(reply);
    reply->n_images = listing->count;
    reply->images = (Provisiond__ImageEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_LIST;
    task->reply.image_list = reply;
    return ERR_OK;
}

/* ---- principals ---- */

enum error admin_principal_list(struct admin_task *task)
{
    const Provisiond__PrincipalListRequest *asked = task->request->principal_list;
    struct listing *listing = start(task, sizeof(struct principal_row));
    struct principal_search search = {
        .listing = listing, .name = asked->name, .role = (enum ledger_role)asked->role};
    Provisiond__PrincipalListReply *reply = &task->result.principal_list;
    if (listing == NULL)
        return task->fault.code;
    enum error e = entry_find_principals(task->vault->ledger, &search, &task->fault);
    e = listing_finish(listing, e, &task->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        entry_fill_principal(listing->links[i], NULL);
    provisiond__principal_list_reply__init(reply);
    reply->n_principals = listing->count;
    reply->principals = (Provisiond__PrincipalEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRINCIPAL_LIST;
    task->reply.principal_list = reply;
    return ERR_OK;
}

/* ---- budgets ---- */

static bool add_budget(void *context, const struct ledger_budget *budget)
{
    struct budget_row *row = listing_add(context);
    if (row != NULL)
        row->budget = *budget;
    return row != NULL;
}

static void fill_budget(struct budget_row *row)
{
    provisiond__budget_entry__init(&row->entry);
    row->entry.station = row->budget.station;
    row->entry.units = row->budget.units;
    row->entry.period_minutes = row->budget.period_minutes;
    row->entry.offset_minutes = row->budget.offset_minutes;
    row->entry.used = row->budget.used;
}

enum error admin_budget_list(struct admin_task *task)
{
    struct listing *listing = start(task, sizeof(struct budget_row));
    Provisiond__BudgetListReply *reply = &task->result.budget_list;
    if (listing == NULL)
        return task->fault.code;
    enum error e = ledger_budgets_each(task->vault->ledger, task->request->budget_list->product,
                                       add_budget, listing, &task->fault);
    e = listing_finish(listing, e, &task->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        fill_budget(listing->links[i]);
    provisiond__budget_list_reply__init(reply);
    reply->n_budgets = listing->count;
    reply->budgets = (Provisiond__BudgetEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_BUDGET_LIST;
    task->reply.budget_list = reply;
    return ERR_OK;
}

/* ---- accepted documents ---- */

enum error admin_grant_list(struct admin_task *task)
{
    struct ledger_product product;
    struct listing *listing = start(task, sizeof(struct grant_row));
    const char *name = task->request->grant_list->product;
    Provisiond__GrantListReply *reply = &task->result.grant_list;
    if (listing == NULL)
        return task->fault.code;
    enum error e = ledger_product_get(task->vault->ledger, name, &product, &task->fault);
    if (e == ERR_OK)
        e = ledger_documents_each(task->vault->ledger, name, entry_add_grant, listing,
                                  &task->fault);
    e = listing_finish(listing, e, &task->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        entry_fill_grant(listing->links[i]);
    provisiond__grant_list_reply__init(reply);
    reply->n_grants = listing->count;
    reply->grants = (Provisiond__GrantEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_GRANT_LIST;
    task->reply.grant_list = reply;
    return ERR_OK;
}
