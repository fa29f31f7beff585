/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Installs with their licenses, and what they add up to. Owns no state. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vault/listing.h"
#include "vault/scope.h"
#include "vault/station_task.h"

static_assert(LEDGER_PAGE_MAX <= LISTING_ROWS_MAX, "a page is not cut");
static_assert((int)PROVISIOND__INSTALL_RESULT__INSTALL_SUCCEEDED == (int)LEDGER_SUCCEEDED + 1 &&
                  (int)PROVISIOND__INSTALL_RESULT__INSTALL_FAILED == (int)LEDGER_FAILED + 1 &&
                  (int)PROVISIOND__INSTALL_RESULT__INSTALL_SCRAPPED == (int)LEDGER_SCRAPPED + 1,
              "a message's results are the ledger's, after unreported");
static_assert((int)PROVISIOND__USAGE_KEY__USAGE_BY_LOT == (int)LEDGER_BY_LOT &&
                  (int)PROVISIOND__USAGE_KEY__USAGE_BY_DAY == (int)LEDGER_BY_DAY &&
                  (int)PROVISIOND__USAGE_KEY__USAGE_BY_STATION == (int)LEDGER_BY_STATION,
              "a message's keys are the ledger's");

struct install_row {
    Provisiond__InstallEntry entry;
    struct ledger_install install;
    Provisiond__LicenseContext context;
};

struct usage_row {
    Provisiond__UsageRow entry;
    struct ledger_usage_row row;
};

static bool is_period(int64_t since, int64_t until)
{
    return since >= 0 && until >= 0;
}

static ProtobufCBinaryData data_of(uint8_t *bytes, size_t length)
{
    return (ProtobufCBinaryData){.len = length, .data = bytes};
}

/* ---- GET /v1/installs, /v1/licenses ---- */

static bool add_install(void *context, const struct ledger_install *install)
{
    struct install_row *row = listing_add(context);
    if (row != NULL)
        row->install = *install;
    return row != NULL;
}

static void fill_context(struct install_row *row)
{
    struct ledger_context *from = &row->install.context;
    provisiond__license_context__init(&row->context);
    row->context.lot = from->lot;
    row->context.line = from->line;
    row->context.work_order = from->work_order;
    row->context.operator_name = from->operator_name;
    row->context.socket = from->socket;
    row->entry.context = &row->context;
}

static void fill_outcome(struct install_row *row)
{
    struct ledger_install *install = &row->install;
    row->entry.result = (Provisiond__InstallResult)(install->result + 1);
    row->entry.code = install->code;
    row->entry.detail = install->detail;
    row->entry.reporter = install->reporter;
    row->entry.reported_unix_ms = install->reported_unix_ms;
    row->entry.proven = install->is_proven;
}

static void fill_license(struct install_row *row)
{
    struct ledger_install *install = &row->install;
    row->entry.charged = install->is_charged;
    row->entry.license_digest = data_of(install->license_digest.bytes, SHA256_SIZE);
    row->entry.journal_index = install->journal_index;
    row->entry.licensed_unix_ms = install->licensed_unix_ms;
    row->entry.attempts = install->attempts;
    row->entry.attempted_unix_ms = install->attempted_unix_ms;
}

static void fill_install(struct install_row *row)
{
    struct ledger_install *install = &row->install;
    provisiond__install_entry__init(&row->entry);
    row->entry.install_id = data_of(install->id.bytes, UUID_SIZE);
    row->entry.product = install->product;
    row->entry.profile = install->profile;
    row->entry.image = data_of(install->image.bytes, SHA256_SIZE);
    row->entry.device = data_of(install->device.bytes, SHA256_SIZE);
    row->entry.serial = install->serial;
    row->entry.station = install->station;
    fill_license(row);
    fill_context(row);
    fill_outcome(row);
}

static enum error check_filter(const Provisiond__InstallListRequest *asked, struct fault *fault)
{
    if (asked->limit < 1 || asked->limit > LEDGER_PAGE_MAX)
        return station_refuse_field(fault, "limit");
    if (!station_is_text(asked->lot, LEDGER_CONTEXT_MAX))
        return station_refuse_field(fault, "lot");
    if (!station_is_text(asked->station, LEDGER_NAME_MAX))
        return station_refuse_field(fault, "station");
    if (!is_period(asked->since_unix_ms, asked->until_unix_ms))
        return station_refuse_field(fault, "since");
    if (asked->before < 0)
        return station_refuse_field(fault, "before");
    if ((int)asked->result < (int)PROVISIOND__INSTALL_RESULT__INSTALL_ANY ||
        (int)asked->result > (int)PROVISIOND__INSTALL_RESULT__INSTALL_SCRAPPED)
        return station_refuse_field(fault, "result");
    return ERR_OK;
}

static bool is_given(const char *text)
{
    return text[0] != '\0';
}

/* Whether the ledger may have to read many installs that it does not show: there is an index of
 * devices, of lots and of products, and of no two things together. */
static bool is_dear(const struct ledger_install_filter *filter)
{
    unsigned names = is_given(filter->product) || is_given(filter->products);
    names += is_given(filter->lot);
    bool is_narrowed = is_given(filter->products) && !is_given(filter->product);
    return filter->device == NULL &&
           (filter->has_result || is_given(filter->station) || is_narrowed || names > 1);
}

static enum error search(struct vault *vault, const struct ledger_principal *caller,
                         const struct ledger_install_filter *filter, struct listing *listing,
                         int64_t *ret_next, struct fault *fault)
{
    if (!is_dear(filter))
        return ledger_installs_each(vault->ledger, filter, add_install, listing, ret_next, fault);
    enum error e = station_begin_sum(vault, caller, fault);
    if (e != ERR_OK)
        return e;
    e = ledger_installs_each(vault->ledger, filter, add_install, listing, ret_next, fault);
    station_end_sum(vault, caller);
    return e;
}

static enum error find_page(struct vault *vault, const Provisiond__InstallListRequest *asked,
                            const struct ledger_principal *caller, struct listing *listing,
                            int64_t *ret_next, struct fault *fault)
{
    struct sha256 device;
    struct ledger_install_filter filter = {.products = caller->scope.products,
                                           .product = asked->product,
                                           .lot = asked->lot,
                                           .station = asked->station,
                                           .has_result = asked->result != 0,
                                           .result = (int)asked->result - 1,
                                           .since_unix_ms = asked->since_unix_ms,
                                           .until_unix_ms = asked->until_unix_ms,
                                           .before = asked->before,
                                           .limit = asked->limit};
    enum error e = check_filter(asked, fault);
    if (e == ERR_OK && asked->device.len > 0 && !station_read_digest(&asked->device, &device))
        e = station_refuse_field(fault, "device");
    if (e == ERR_OK && asked->product[0] != '\0')
        e = scope_check_product(caller, asked->product, fault);
    if (e != ERR_OK)
        return e;
    if (asked->device.len > 0)
        filter.device = &device;
    return search(vault, caller, &filter, listing, ret_next, fault);
}

static enum error find_one(struct vault *vault, const Provisiond__InstallListRequest *asked,
                           const struct ledger_principal *caller, struct listing *listing,
                           struct fault *fault)
{
    struct uuid id;
    struct ledger_install install;
    if (!station_read_uuid(&asked->install_id, &id))
        return station_refuse_field(fault, "install_id");
    enum error e = ledger_install_get(vault->ledger, &id, &install, fault);
    if (e == ERR_OK)
        e = scope_check_product(caller, install.product, fault);
    if (e == ERR_OK)
        (void)add_install(listing, &install);
    return e;
}

enum error station_install_list(struct vault *vault, const request_message *message,
                                const struct ledger_principal *caller, struct answer *answer)
{
    const Provisiond__InstallListRequest *asked = message->install_list;
    struct listing *listing = station_listing(answer, sizeof(struct install_row));
    Provisiond__InstallListReply *reply = &answer->result.install_list;
    if (listing == NULL)
        return answer->fault.code;
    provisiond__install_list_reply__init(reply);
    enum error e = asked->install_id.len > 0
                       ? find_one(vault, asked, caller, listing, &answer->fault)
                       : find_page(vault, asked, caller, listing, &reply->next, &answer->fault);
    e = listing_finish(listing, e, &answer->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        fill_install(listing->links[i]);
    reply->n_installs = listing->count;
    reply->installs = (Provisiond__InstallEntry **)listing->links;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_INSTALL_LIST;
    answer->message.install_list = reply;
    return ERR_OK;
}

/* ---- GET /v1/products/{product}/usage ---- */

enum error station_usage(struct vault *vault, const request_message *message,
                         const struct ledger_principal *caller, struct answer *answer)
{
    enum error e = scope_check_product(caller, message->usage->product, &answer->fault);
    if (e == ERR_OK)
        e = usage_answer(vault, message->usage, &answer->values.usage, &answer->result.usage,
                         &answer->fault);
    if (e != ERR_OK)
        return e;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_USAGE;
    answer->message.usage = &answer->result.usage;
    return ERR_OK;
}

/* ---- GET /v1/products/{product}/usage/... ---- */

static bool add_usage(void *context, const struct ledger_usage_row *usage)
{
    struct usage_row *row = listing_add(context);
    if (row != NULL)
        row->row = *usage;
    return row != NULL;
}

static void fill_usage(struct usage_row *row)
{
    const struct ledger_usage_row *from = &row->row;
    provisiond__usage_row__init(&row->entry);
    row->entry.key = row->row.key;
    row->entry.charged = from->charged;
    row->entry.licensed = from->licensed;
    row->entry.attempts = from->attempts;
    row->entry.succeeded = from->succeeded;
    row->entry.failed = from->failed;
    row->entry.scrapped = from->scrapped;
    row->entry.unreported = from->unreported;
    row->entry.proven = from->proven;
}

static enum error check_usage(const Provisiond__UsageByRequest *asked, struct fault *fault)
{
    if (asked->limit < 1 || asked->limit > LEDGER_PAGE_MAX)
        return station_refuse_field(fault, "limit");
    if ((int)asked->by < (int)LEDGER_BY_LOT || (int)asked->by > (int)LEDGER_BY_STATION)
        return station_refuse_field(fault, "by");
    if (!is_period(asked->since_unix_ms, asked->until_unix_ms))
        return station_refuse_field(fault, "since");
    if (!station_is_text(asked->after, LEDGER_CONTEXT_MAX))
        return station_refuse_field(fault, "after");
    return ERR_OK;
}

static enum error sum_usage(struct vault *vault, const Provisiond__UsageByRequest *asked,
                            const struct ledger_principal *caller, struct listing *listing,
                            bool *ret_more, struct fault *fault)
{
    bool has_after = asked->has_after || asked->after[0] != '\0';
    const struct ledger_usage_filter filter = {.product = asked->product,
                                               .key = (enum ledger_usage_key)asked->by,
                                               .since_unix_ms = asked->since_unix_ms,
                                               .until_unix_ms = asked->until_unix_ms,
                                               .after = has_after ? asked->after : NULL,
                                               .limit = asked->limit};
    enum error e = check_usage(asked, fault);
    if (e == ERR_OK)
        e = scope_check_product(caller, asked->product, fault);
    if (e == ERR_OK)
        e = station_begin_sum(vault, caller, fault);
    if (e != ERR_OK)
        return e;
    e = ledger_usage_each(vault->ledger, &filter, add_usage, listing, ret_more, fault);
    station_end_sum(vault, caller);
    return e;
}

enum error station_usage_by(struct vault *vault, const request_message *message,
                            const struct ledger_principal *caller, struct answer *answer)
{
    struct listing *listing = station_listing(answer, sizeof(struct usage_row));
    Provisiond__UsageByReply *reply = &answer->result.usage_by;
    bool has_more = false;
    if (listing == NULL)
        return answer->fault.code;
    enum error e = sum_usage(vault, message->usage_by, caller, listing, &has_more, &answer->fault);
    e = listing_finish(listing, e, &answer->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < listing->count; i++)
        fill_usage(listing->links[i]);
    provisiond__usage_by_reply__init(reply);
    reply->n_rows = listing->count;
    reply->rows = (Provisiond__UsageRow **)listing->links;
    reply->more = has_more;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_USAGE_BY;
    answer->message.usage_by = reply;
    return ERR_OK;
}
