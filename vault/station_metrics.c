/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* How the vault is: GET /readyz and GET /metrics. Owns no state. */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "vault/hsm_watch.h"
#include "vault/ledger_watch.h"
#include "vault/listing.h"
#include "vault/notary.h"
#include "vault/product_crls.h"
#include "vault/station_task.h"
#include "vault/work_pool.h"

#define HOUR_MS 3600000

/* ---- GET /readyz ---- */

static char *reason_of(struct fault *fault, enum error code)
{
    return code == ERR_OK ? (char *)(uintptr_t) "ok" : fault->reason;
}

/* Whether changes get on; reading was tried before. */
static enum error check_ledger(struct ledger *ledger, struct fault *fault)
{
    enum error e = ledger_writer_check(ledger, fault);
    if (e == ERR_OK)
        e = ledger_broken_check(ledger, fault);
    return e == ERR_OK ? ledger_watch_fault(ledger, fault) : e;
}

enum error station_ready(struct vault *vault, const request_message *message,
                         const struct ledger_principal *caller, struct answer *answer)
{
    (void)message;
    (void)caller;
    struct hsm_status status;
    struct ledger_info info;
    struct fault *hsm_fault = &answer->values.ready.hsm;
    struct fault *ledger_fault = &answer->values.ready.ledger;
    struct notary_view *view = &answer->values.ready.notary;
    Provisiond__ReadyReply *reply = &answer->result.ready;
    provisiond__ready_reply__init(reply);
    *hsm_fault = *ledger_fault = (struct fault){0};
    hsm_watch_refresh(vault->watch); /* what is true now, not half a second ago */
    enum error hsm = hsm_watch_get(vault->watch, &status, hsm_fault);
    enum error ledger = ledger_info(vault->ledger, &info, ledger_fault);
    notary_show(vault->notary, view);
    reply->hsm = reason_of(hsm_fault, hsm);
    if (ledger == ERR_OK)
        ledger = check_ledger(vault->ledger, ledger_fault);
    reply->ledger = reason_of(ledger_fault, ledger);
    reply->ledger_detail = ledger_fault->detail;
    reply->hsm_detail = hsm_fault->detail;
    reply->anchor = (char *)(uintptr_t)notary_word(view);
    reply->anchor_detail = view->fault.detail;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_READY;
    answer->message.ready = reply;
    return ERR_OK;
}

/* ---- GET /metrics ---- */

struct metrics_row {
    Provisiond__ProductMetrics entry;
    char name[LEDGER_NAME_MAX + 1];
    int64_t product_id;
};

struct metrics_histogram {
    Provisiond__HistogramMessage message;
    struct histogram_counts counts;
};

/* Everything that the answer points into. */
struct metrics {
    struct listing *products; /* owned; of struct metrics_row */
    const struct ledger_principal *caller;
    int64_t journal_size;
    struct hsm_status status;
    struct fault hsm;
    struct fault ledger;
    struct notary_view notary;
    struct metrics_histogram queue_wait;
    struct metrics_histogram hsm_call;
    struct metrics_histogram commit;
};

static void metrics_free(void *memory)
{
    struct metrics *metrics = memory;
    if (metrics != NULL)
        listing_free(metrics->products);
    free(metrics);
}

static struct metrics *metrics_new(struct answer *answer)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    answer->memory = metrics;
    answer->free_memory = metrics_free;
    if (metrics != NULL)
        metrics->products = listing_new(sizeof(struct metrics_row));
    if (metrics == NULL || metrics->products == NULL) {
        (void)fault_set(&answer->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
        return NULL;
    }
    return metrics;
}

static bool add_account(void *context, const struct ledger_product *product,
                        const struct ledger_usage *usage)
{
    struct metrics *metrics = context;
    if (!ledger_scope_has(metrics->caller->scope.products, product->name))
        return true;
    struct metrics_row *row = listing_add(metrics->products);
    if (row == NULL)
        return false;
    strcpy(row->name, product->name);
    row->product_id = product->id;
    provisiond__product_metrics__init(&row->entry);
    row->entry.granted = usage->granted;
    row->entry.charged = usage->charged;
    row->entry.remaining = usage->remaining;
    row->entry.unreported = usage->unreported;
    row->entry.scrap_left = usage->scrap_allowance - usage->scrap_drawn;
    row->entry.governed = product->is_governed;
    const struct product_crls crls = product_crls_of(product);
    row->entry.crls_wanted = crls.is_wanted;
    row->entry.crls_until_unix_ms = crls.until_unix_ms;
    return true;
}

static enum error finish_product(struct vault *vault, struct metrics_row *row, struct fault *fault)
{
    struct governance_view view;
    governance_show(vault->governance, row->product_id, &view);
    row->entry.name = row->name;
    row->entry.state = (char *)(uintptr_t)entry_state_word(&view);
    return ledger_charged_since(vault->ledger, row->product_id, clock_unix_ms() - HOUR_MS,
                                &row->entry.charged_last_hour, fault);
}

static enum error read_products(struct vault *vault, struct metrics *metrics, struct fault *fault)
{
    enum error e = ledger_accounts_each(vault->ledger, true, add_account, metrics,
                                        &metrics->journal_size, fault);
    e = listing_finish(metrics->products, e, fault);
    for (size_t i = 0; e == ERR_OK && i < metrics->products->count; i++)
        e = finish_product(vault, metrics->products->links[i], fault);
    return e;
}

static Provisiond__HistogramMessage *put_histogram(struct metrics_histogram *histogram)
{
    provisiond__histogram_message__init(&histogram->message);
    histogram->message.n_counts = HISTOGRAM_BOUNDS + 1;
    histogram->message.counts = histogram->counts.counts;
    histogram->message.sum_us = histogram->counts.sum_us;
    return &histogram->message;
}

static void put_hsm(struct vault *vault, struct metrics *metrics, Provisiond__MetricsReply *reply)
{
    enum error e = hsm_watch_show(vault->watch, &metrics->status, &metrics->hsm);
    reply->hsm = reason_of(&metrics->hsm, e);
    reply->workers_total = metrics->status.workers_total; /* zeroes before it was there */
    reply->workers_ready = metrics->status.workers_ready;
    reply->workers_busy = metrics->status.workers_busy;
    reply->worker_restarts = metrics->status.worker_restarts;
    histogram_read(&vault->hsm_calls, &metrics->hsm_call.counts);
    reply->hsm_call = put_histogram(&metrics->hsm_call);
}

static void put_queue(struct vault *vault, struct metrics *metrics, Provisiond__MetricsReply *reply)
{
    struct work_pool_view view;
    work_pool_show(vault->station_pool, &view);
    reply->queue_length = (uint32_t)view.waiting;
    reply->queue_max = (uint32_t)view.waiting_max;
    reply->queue_refused = view.refused;
    metrics->queue_wait.counts = view.waits;
    reply->queue_wait = put_histogram(&metrics->queue_wait);
}

static void put_ledger(struct vault *vault, struct metrics *metrics,
                       Provisiond__MetricsReply *reply)
{
    struct ledger_commits commits;
    struct ledger_room room;
    ledger_commits_get(vault->ledger, &commits);
    ledger_room(vault->ledger, &room);
    metrics->commit.counts = commits.durations;
    /* The accounts were read from it. */
    reply->ledger = reason_of(&metrics->ledger, check_ledger(vault->ledger, &metrics->ledger));
    reply->disk_free = room.free_bytes;
    reply->disk_reserve = room.reserve_bytes;
    reply->commit = put_histogram(&metrics->commit);
    reply->committed = commits.changes;
    reply->journal_size = metrics->journal_size;
}

static void put_journal(struct vault *vault, struct metrics *metrics,
                        Provisiond__MetricsReply *reply)
{
    notary_show(vault->notary, &metrics->notary);
    reply->anchor = (char *)(uintptr_t)notary_word(&metrics->notary);
    reply->checkpoint_size = metrics->notary.checkpoint_size;
    reply->anchored_size = metrics->notary.anchored_size;
    reply->products_tampered = governance_count_tampered(vault->governance);
}

enum error station_metrics(struct vault *vault, const request_message *message,
                           const struct ledger_principal *caller, struct answer *answer)
{
    struct metrics *metrics = metrics_new(answer);
    Provisiond__MetricsReply *reply = &answer->result.metrics;
    (void)message;
    if (metrics == NULL)
        return answer->fault.code;
    metrics->caller = caller;
    enum error e = read_products(vault, metrics, &answer->fault);
    if (e != ERR_OK)
        return e;
    provisiond__metrics_reply__init(reply);
    reply->n_products = metrics->products->count;
    reply->products = (Provisiond__ProductMetrics **)metrics->products->links;
    put_hsm(vault, metrics, reply);
    put_queue(vault, metrics, reply);
    put_ledger(vault, metrics, reply);
    put_journal(vault, metrics, reply);
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_METRICS;
    answer->message.metrics = reply;
    return ERR_OK;
}
