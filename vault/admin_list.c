/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The listings of the admin socket. Owns no state beyond the task. */
#include "core/bytes.h"
#include "vault/governance.h"
#include "vault/listing.h"
#include "vault/usage.h"

struct product_row {
    Provisiond__ProductEntry entry;
    struct ledger_product product;
    struct governance_view view;
    Provisiond__AuthorityEntry members[AUTHORITY_KEYS_MAX];
    Provisiond__AuthorityEntry *links[AUTHORITY_KEYS_MAX];
};

struct budget_row {
    Provisiond__BudgetEntry entry;
    struct ledger_budget budget;
};

struct grant_row {
    Provisiond__GrantEntry entry;
    struct ledger_document document;
    struct sha256 digest;
};

struct image_row {
    Provisiond__ImageEntry entry;
    struct ledger_image image;
};

struct station_row {
    Provisiond__StationEntry entry;
    struct ledger_principal principal;
};

/* ---- products ---- */

static bool add_product(void *context, const struct ledger_product *product)
{
    struct product_row *row = listing_add(context);
    if (row != NULL)
        row->product = *product;
    return row != NULL;
}

static ProtobufCBinaryData data_of(struct sha256 *digest)
{
    return (ProtobufCBinaryData){.len = SHA256_SIZE, .data = digest->bytes};
}

static void fill_members(struct product_row *row)
{
    for (size_t i = 0; i < row->view.member_count; i++) {
        provisiond__authority_entry__init(&row->members[i]);
        row->members[i].key = data_of(&row->view.members[i]);
        row->members[i].name = row->view.names[i];
        row->links[i] = &row->members[i];
    }
    row->entry.n_members = row->view.member_count;
    row->entry.members = row->links;
}

/* Who governs the product, and whether it is as they say. */
static void fill_governance(struct vault *vault, struct product_row *row)
{
    Provisiond__ProductEntry *entry = &row->entry;
    struct fault *verdict = &row->view.verdict;
    governance_show(vault->governance, row->product.id, &row->view);
    entry->governed = row->product.is_governed;
    entry->sequence = row->product.sequence;
    entry->state = (char *)(uintptr_t)(verdict->code == ERR_OK                 ? "ok"
                                       : verdict->code == ERR_PRODUCT_TAMPERED ? "tampered"
                                                                               : "unchecked");
    entry->state_detail = verdict->detail;
    if (!row->product.is_governed)
        return;
    entry->authorities = data_of(&row->product.authorities);
    if (row->view.threshold > 0)
        entry->first_authorities = data_of(&row->view.first_authorities);
    entry->threshold = row->view.threshold;
}

static void fill_product(struct vault *vault, struct product_row *row)
{
    provisiond__product_entry__init(&row->entry);
    row->entry.name = row->product.name;
    row->entry.profile = row->product.profile;
    row->entry.policy = (char *)(uintptr_t)policy_word(row->product.policy);
    row->entry.enabled = row->product.is_enabled;
    row->entry.quota = row->product.quota;
    row->entry.used = row->product.used;
    row->entry.allow_session_key_exposure = row->product.allows_key_exposure;
    row->entry.options = row->product.options;
    row->entry.attempts_max = row->product.attempts_max;
    fill_governance(vault, row);
}

/* One product by its name, or all. */
static enum error find_products(struct admin_task *task, struct listing *listing)
{
    const char *name = task->request->product_list->name;
    struct ledger_product product;
    if (name[0] == '\0')
        return ledger_products_each(task->vault->ledger, add_product, listing, &task->fault);
    enum error e = ledger_product_get(task->vault->ledger, name, &product, &task->fault);
    if (e == ERR_OK)
        (void)add_product(listing, &product);
    return e;
}

enum error admin_product_list(struct admin_task *task)
{
    struct listing *listing = listing_new(task, sizeof(struct product_row));
    Provisiond__ProductListReply *reply = &task->result.product_list;
    if (listing == NULL)
        return listing_refuse_memory(task);
    enum error e = find_products(task, listing);
    e = listing_finish(task, e, listing);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        fill_product(task->vault, listing->links[i]);
    if (task->request->product_list->name[0] != '\0')
        fill_members(listing->links[0]);
    provisiond__product_list_reply__init(reply);
    reply->n_products = listing->count;
    reply->products = (Provisiond__ProductEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_LIST;
    task->reply.product_list = reply;
    return ERR_OK;
}

/* ---- images ---- */

static bool add_image(void *context, const struct ledger_image *image)
{
    struct image_row *row = listing_add(context);
    if (row != NULL)
        row->image = *image;
    return row != NULL;
}

static void fill_image(struct image_row *row)
{
    provisiond__image_entry__init(&row->entry);
    row->entry.image = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = row->image.digest.bytes};
    row->entry.label = row->image.label;
    row->entry.size = (uint64_t)row->image.size;
    row->entry.enabled = row->image.is_enabled;
    row->entry.created_unix_ms = row->image.created_unix_ms;
    row->entry.alias = row->image.alias;
}

/* The newest enabled one is what "latest" means; rows come oldest first. */
static void mark_latest(struct listing *listing)
{
    for (size_t i = listing->count; i > 0; i--) {
        struct image_row *row = listing->links[i - 1];
        if (row->entry.enabled) {
            row->entry.latest = true;
            return;
        }
    }
}

enum error admin_image_list(struct admin_task *task)
{
    struct ledger_product product;
    struct listing *listing = listing_new(task, sizeof(struct image_row));
    Provisiond__ImageListReply *reply = &task->result.image_list;
    if (listing == NULL)
        return listing_refuse_memory(task);
    enum error e = ledger_product_get(task->vault->ledger, task->request->image_list->product,
                                      &product, &task->fault);
    if (e == ERR_OK)
        e = ledger_images_each(task->vault->ledger, product.id, add_image, listing, &task->fault);
    e = listing_finish(task, e, listing);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        fill_image(listing->links[i]);
    mark_latest(listing);
    provisiond__image_list_reply__init(reply);
    reply->n_images = listing->count;
    reply->images = (Provisiond__ImageEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_LIST;
    task->reply.image_list = reply;
    return ERR_OK;
}

/* ---- stations ---- */

static bool add_station(void *context, const struct ledger_principal *principal)
{
    if (principal->role != LEDGER_STATION)
        return true;
    struct station_row *row = listing_add(context);
    if (row != NULL)
        row->principal = *principal;
    return row != NULL;
}

static void fill_station(struct station_row *row)
{
    provisiond__station_entry__init(&row->entry);
    row->entry.name = row->principal.name;
    row->entry.spki = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = row->principal.spki.bytes};
    row->entry.enabled = row->principal.is_enabled;
}

enum error admin_station_list(struct admin_task *task)
{
    struct listing *listing = listing_new(task, sizeof(struct station_row));
    Provisiond__StationListReply *reply = &task->result.station_list;
    if (listing == NULL)
        return listing_refuse_memory(task);
    enum error e = ledger_principals_each(task->vault->ledger, add_station, listing, &task->fault);
    e = listing_finish(task, e, listing);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        fill_station(listing->links[i]);
    provisiond__station_list_reply__init(reply);
    reply->n_stations = listing->count;
    reply->stations = (Provisiond__StationEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STATION_LIST;
    task->reply.station_list = reply;
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
    struct listing *listing = listing_new(task, sizeof(struct budget_row));
    Provisiond__BudgetListReply *reply = &task->result.budget_list;
    if (listing == NULL)
        return listing_refuse_memory(task);
    enum error e = ledger_budgets_each(task->vault->ledger, task->request->budget_list->product,
                                       add_budget, listing, &task->fault);
    e = listing_finish(task, e, listing);
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

static bool add_grant(void *context, const struct ledger_document *document)
{
    struct grant_row *row = listing_add(context);
    if (row == NULL)
        return false;
    row->document = *document;
    row->digest = sha256_of(document->document);
    return true;
}

static void fill_grant(struct grant_row *row)
{
    struct ledger_document *document = &row->document;
    provisiond__grant_entry__init(&row->entry);
    row->entry.grant_id = (ProtobufCBinaryData){.len = UUID_SIZE, .data = document->id.bytes};
    row->entry.kind = (char *)(uintptr_t)grant_kind_name((enum grant_kind)document->kind);
    row->entry.units = document->units;
    row->entry.taken = document->taken;
    row->entry.lot = document->lot;
    row->entry.sequence = document->sequence;
    row->entry.accepted_unix_ms = document->accepted_unix_ms;
    row->entry.document = data_of(&row->digest);
}

enum error admin_grant_list(struct admin_task *task)
{
    struct ledger_product product;
    struct listing *listing = listing_new(task, sizeof(struct grant_row));
    const char *name = task->request->grant_list->product;
    Provisiond__GrantListReply *reply = &task->result.grant_list;
    if (listing == NULL)
        return listing_refuse_memory(task);
    enum error e = ledger_product_get(task->vault->ledger, name, &product, &task->fault);
    if (e == ERR_OK)
        e = ledger_documents_each(task->vault->ledger, name, add_grant, listing, &task->fault);
    e = listing_finish(task, e, listing);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        fill_grant(listing->links[i]);
    provisiond__grant_list_reply__init(reply);
    reply->n_grants = listing->count;
    reply->grants = (Provisiond__GrantEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_GRANT_LIST;
    task->reply.grant_list = reply;
    return ERR_OK;
}
