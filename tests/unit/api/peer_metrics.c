/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The reply about the vault's numbers. Owns no state. */
#include <string.h>

#include "core/histogram.h"
#include "peer_reply.h"

static bool is(const char *word, const char *wanted)
{
    return strcmp(word, wanted) == 0;
}

static char *literal(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void fill_product(Provisiond__ProductMetrics *product, const char *name)
{
    provisiond__product_metrics__init(product);
    product->name = literal(name);
    product->granted = 100;
    product->charged = 59;
    product->remaining = 41;
    product->unreported = 3;
    product->scrap_left = 4;
    product->charged_last_hour = 20;
    product->governed = true;
    product->state = literal("ok");
    product->crls_wanted = is(name, "widget");
    product->crls_until_unix_ms = 1764288000999;
}

static void fill(Provisiond__MetricsReply *reply, const char *word)
{
    reply->hsm = literal("ok");
    reply->ledger = literal("ok");
    reply->anchor = literal("none");
    reply->workers_total = 4;
    reply->workers_ready = 3;
    reply->workers_busy = is(word, "busy-workers") ? 4 : 1;
    reply->worker_restarts = 7;
    reply->queue_length = 5;
    reply->queue_max = 1024;
    reply->queue_refused = 6;
    reply->committed = 12;
    reply->journal_size = 1042;
    reply->checkpoint_size = 1041;
    reply->anchored_size = is(word, "no-anchor") ? -1 : 1000;
    reply->products_tampered = 1;
}

void peer_send_metrics(struct rpc_call *call, const char *word)
{
    uint64_t counts[HISTOGRAM_BOUNDS + 1] = {1, 2, [HISTOGRAM_BOUNDS] = 3};
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__MetricsReply metrics = PROVISIOND__METRICS_REPLY__INIT;
    Provisiond__HistogramMessage histogram = PROVISIOND__HISTOGRAM_MESSAGE__INIT;
    Provisiond__ProductMetrics entries[2];
    Provisiond__ProductMetrics *products[] = {&entries[0], &entries[1]};
    fill_product(&entries[0], "gadget");
    fill_product(&entries[1], is(word, "bad-product") ? "wid\"get" : "widget");
    fill(&metrics, word);
    histogram.counts = counts;
    histogram.n_counts = HISTOGRAM_BOUNDS + 1 - is(word, "short-histogram");
    histogram.sum_us = 30000123;
    metrics.queue_wait = &histogram;
    metrics.hsm_call = &histogram;
    metrics.commit = is(word, "no-histogram") ? NULL : &histogram;
    metrics.products = products;
    metrics.n_products = 2;
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_METRICS;
    reply.metrics = &metrics;
    peer_send(call, &reply, -1);
}
