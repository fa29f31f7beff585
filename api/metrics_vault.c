/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The text of what the vault knows. Owns no state. */
#include "api/metrics.h"

#include <string.h>

#include "api/api_limits.h"
#include "api/exposition.h"
#include "core/bytes.h"
#include "core/histogram.h"

#define MS_PER_S    1000
#define LABELS_SIZE 192

/* ---- the check ---- */

static bool is_word(const char *text)
{
    return name_is_valid(text, FAULT_REASON_SIZE - 1);
}

static bool is_histogram(const Provisiond__HistogramMessage *message)
{
    return message != NULL && message->n_counts == HISTOGRAM_BOUNDS + 1;
}

static bool is_product(const Provisiond__ProductMetrics *product)
{
    return name_is_valid(product->name, API_NAME_MAX_BYTES) && is_word(product->state);
}

bool metrics_is_sound(const Provisiond__MetricsReply *reply)
{
    for (size_t i = 0; i < reply->n_products; i++) {
        if (!is_product(reply->products[i]))
            return false;
    }
    return is_word(reply->hsm) && is_word(reply->ledger) && is_word(reply->anchor) &&
           reply->workers_busy <= reply->workers_ready &&
           reply->workers_ready <= reply->workers_total && is_histogram(reply->queue_wait) &&
           is_histogram(reply->hsm_call) && is_histogram(reply->commit);
}

/* ---- the vault ---- */

static void write_check(FILE *out, const char *check, const char *word)
{
    char labels[LABELS_SIZE];
    bool is_well = strcmp(word, "ok") == 0 || strcmp(word, "none") == 0;
    (void)snprintf(labels, sizeof labels, "check=\"%s\",reason=\"%s\"", check, word);
    exposition_sample(out, "provisiond_check_ok", labels, is_well);
}

static void write_checks(const Provisiond__MetricsReply *reply, FILE *out)
{
    exposition_gauge(out, "provisiond_check_ok",
                     "1 when the check is well, with its reason word, as in /readyz.");
    write_check(out, "hsm", reply->hsm);
    write_check(out, "ledger", reply->ledger);
    write_check(out, "anchor", reply->anchor);
}

static void write_workers(const Provisiond__MetricsReply *reply, FILE *out)
{
    exposition_gauge(out, "provisiond_hsm_workers", "Workers of provision-hsm by state.");
    exposition_sample(out, "provisiond_hsm_workers", "state=\"idle\"",
                      reply->workers_ready - reply->workers_busy);
    exposition_sample(out, "provisiond_hsm_workers", "state=\"busy\"", reply->workers_busy);
    exposition_sample(out, "provisiond_hsm_workers", "state=\"starting\"",
                      reply->workers_total - reply->workers_ready);
    exposition_counter_of(out, "provisiond_hsm_worker_restarts_total",
                          "Workers that were started again since provision-hsm started.",
                          reply->worker_restarts);
}

static void write_durations(FILE *out, const char *name, const char *help,
                            const Provisiond__HistogramMessage *message)
{
    struct histogram_counts counts;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        counts.counts[i] = message->counts[i];
    counts.sum_us = message->sum_us;
    exposition_histogram(out, name, help);
    exposition_buckets(out, name, "", &counts);
}

static void write_work(const Provisiond__MetricsReply *reply, FILE *out)
{
    exposition_gauge_of(out, "provisiond_vault_queue_length",
                        "Requests that wait for a thread of the vault.", reply->queue_length);
    exposition_gauge_of(out, "provisiond_vault_queue_max", "[vault] queue.", reply->queue_max);
    exposition_counter_of(out, "provisiond_vault_queue_refused_total",
                          "Requests that the vault refused because its queue was full.",
                          reply->queue_refused);
    write_durations(out, "provisiond_vault_queue_wait_seconds",
                    "How long requests waited for a thread of the vault.", reply->queue_wait);
    write_durations(out, "provisiond_hsm_call_seconds",
                    "How long the HSM took to wrap a key for a license.", reply->hsm_call);
    write_durations(out, "provisiond_ledger_commit_seconds", "How long group commits took.",
                    reply->commit);
    exposition_counter_of(out, "provisiond_ledger_changes_total",
                          "Changes that the group commits made durable.", reply->committed);
    exposition_gauge_of(out, "provisiond_ledger_disk_free_bytes",
                        "Bytes of the ledger's disk that the vault may still write.",
                        reply->disk_free);
    exposition_gauge_of(out, "provisiond_ledger_disk_reserve_bytes",
                        "[vault] disk_reserve_mb: with less free no new license is issued.",
                        reply->disk_reserve);
}

static void write_journal(const Provisiond__MetricsReply *reply, FILE *out)
{
    exposition_gauge_of(out, "provisiond_journal_leaves", "Leaves of the journal.",
                        reply->journal_size);
    exposition_gauge_of(out, "provisiond_journal_checkpoint_leaves",
                        "Leaves that the newest checkpoint covers.", reply->checkpoint_size);
    if (reply->anchored_size >= 0)
        exposition_gauge_of(out, "provisiond_journal_anchored_leaves",
                            "Leaves that the anchor in the HSM covers.", reply->anchored_size);
    exposition_gauge_of(out, "provisiond_products_tampered",
                        "Products that are not as their signed documents say.",
                        reply->products_tampered);
}

/* ---- products ---- */

/* One number of each product. */
static const struct product_gauge {
    const char *name;
    const char *help;
    size_t offset; /* of an int64_t in ProductMetrics */
} PRODUCT_GAUGES[] = {
    {"provisiond_product_granted_units", "Units that the product was granted.",
     offsetof(Provisiond__ProductMetrics, granted)},
    {"provisiond_product_charged_units", "Units that licenses took.",
     offsetof(Provisiond__ProductMetrics, charged)},
    {"provisiond_product_remaining_units", "Units that are left.",
     offsetof(Provisiond__ProductMetrics, remaining)},
    {"provisiond_product_unreported_units", "Charged units without an outcome.",
     offsetof(Provisiond__ProductMetrics, unreported)},
    {"provisiond_product_scrap_left_units", "What is left of the scrap allowance.",
     offsetof(Provisiond__ProductMetrics, scrap_left)},
    {"provisiond_product_charged_last_hour_units", "Units charged within the last hour.",
     offsetof(Provisiond__ProductMetrics, charged_last_hour)},
};

static void write_product_gauge(const struct product_gauge *gauge,
                                const Provisiond__MetricsReply *reply, FILE *out)
{
    char labels[LABELS_SIZE];
    int64_t value = 0;
    exposition_gauge(out, gauge->name, gauge->help);
    for (size_t i = 0; i < reply->n_products; i++) {
        (void)snprintf(labels, sizeof labels, "product=\"%s\"", reply->products[i]->name);
        memcpy(&value, (const char *)reply->products[i] + gauge->offset, sizeof value);
        exposition_sample(out, gauge->name, labels, value);
    }
}

/* Of the products that ask for revocation lists. */
static void write_crls(const Provisiond__MetricsReply *reply, FILE *out)
{
    static const char name[] = "provisiond_product_crls_expiry_timestamp_seconds";
    char labels[LABELS_SIZE];
    exposition_gauge(out, name,
                     "Unix time from which the product's devices are refused for want of a fresh "
                     "revocation list; 0: there is none.");
    for (size_t i = 0; i < reply->n_products; i++) {
        if (!reply->products[i]->crls_wanted)
            continue;
        (void)snprintf(labels, sizeof labels, "product=\"%s\"", reply->products[i]->name);
        exposition_sample(out, name, labels, reply->products[i]->crls_until_unix_ms / MS_PER_S);
    }
}

static void write_products(const Provisiond__MetricsReply *reply, FILE *out)
{
    char labels[LABELS_SIZE];
    exposition_gauge(out, "provisiond_product_info",
                     "1, with what kind of product it is and its state.");
    for (size_t i = 0; i < reply->n_products; i++) {
        const Provisiond__ProductMetrics *product = reply->products[i];
        (void)snprintf(labels, sizeof labels, "product=\"%s\",governed=\"%s\",state=\"%s\"",
                       product->name, product->governed ? "true" : "false", product->state);
        exposition_sample(out, "provisiond_product_info", labels, 1);
    }
    for (size_t i = 0; i < sizeof PRODUCT_GAUGES / sizeof PRODUCT_GAUGES[0]; i++)
        write_product_gauge(&PRODUCT_GAUGES[i], reply, out);
    write_crls(reply, out);
}

void metrics_write_vault(const Provisiond__MetricsReply *reply, FILE *out)
{
    write_checks(reply, out);
    write_workers(reply, out);
    write_work(reply, out);
    write_journal(reply, out);
    write_products(reply, out);
}
