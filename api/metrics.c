/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Counters of requests, and the text of everything that provisiond knows by itself. */
#include "api/metrics.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/crl.h"
#include "api/exposition.h"
#include "api/lobby.h"
#include "api/rate.h"
#include "api/server.h"
#include "api/server_certificate.h"
#include "core/clock.h"
#include "core/histogram.h"

#define ROUTES_MAX  64
#define LABELS_SIZE 192
#define CODE_SIZE   16
#define MS_PER_S    1000

/* Every status that a route answers, and one place for any other. */
static const unsigned STATUSES[] = {200, 201, 206, 304, 400, 401, 403, 404, 405, 406,
                                    409, 413, 415, 416, 422, 429, 500, 501, 503, 0};
#define STATUS_COUNT (sizeof STATUSES / sizeof STATUSES[0])

/* Those of request->method. */
static const char *const METHODS[] = {"GET",    "HEAD",  "POST",    "PUT",
                                      "DELETE", "PATCH", "OPTIONS", "OTHER"};
#define METHOD_COUNT (sizeof METHODS / sizeof METHODS[0])

struct metrics {
    int64_t started_unix_s;
    /* Of each route of the table; the one behind them is of requests that fit no route. */
    atomic_uint_fast64_t requests[ROUTES_MAX + 1][METHOD_COUNT][STATUS_COUNT];
    struct histogram durations[ROUTES_MAX + 1];
};

enum error metrics_new(struct metrics **ret_metrics)
{
    size_t count = 0;
    (void)route_table(&count);
    assert(count <= ROUTES_MAX);
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL)
        return ERR_INTERNAL;
    metrics->started_unix_s = clock_unix_ms() / MS_PER_S;
    *ret_metrics = metrics;
    return ERR_OK;
}

void metrics_free(struct metrics *metrics)
{
    free(metrics);
}

/* ---- counting ---- */

static size_t place_of_route(const struct route *route)
{
    size_t count = 0;
    const struct route *table = route_table(&count);
    return route != NULL ? (size_t)(route - table) : count;
}

static size_t place_of_method(const char *method)
{
    size_t place = 0;
    while (place < METHOD_COUNT - 1 && strcmp(METHODS[place], method) != 0)
        place++;
    return place;
}

static size_t place_of_status(unsigned status)
{
    size_t place = 0;
    while (place < STATUS_COUNT - 1 && STATUSES[place] != status)
        place++;
    return place;
}

void metrics_note(struct metrics *metrics, const struct route *route, const char *method,
                  unsigned status, int64_t duration_us)
{
    size_t place = place_of_route(route);
    (void)atomic_fetch_add_explicit(
        &metrics->requests[place][place_of_method(method)][place_of_status(status)], 1,
        memory_order_relaxed);
    histogram_note(&metrics->durations[place], duration_us);
}

/* ---- requests ---- */

static void format_status(size_t place, char out[CODE_SIZE])
{
    if (STATUSES[place] == 0)
        strcpy(out, "none");
    else
        (void)snprintf(out, CODE_SIZE, "%u", STATUSES[place]);
}

static void write_count(struct metrics *metrics, const char *pattern, size_t route, size_t place,
                        FILE *out)
{
    char labels[LABELS_SIZE];
    char code[CODE_SIZE];
    size_t method = place / STATUS_COUNT;
    size_t status = place % STATUS_COUNT;
    uint64_t count = atomic_load(&metrics->requests[route][method][status]);
    if (count == 0)
        return;
    format_status(status, code);
    (void)snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\",code=\"%s\"", pattern,
                   METHODS[method], code);
    exposition_sample(out, "provisiond_requests_total", labels, (int64_t)count);
}

static void write_requests(struct metrics *metrics, FILE *out)
{
    size_t count = 0;
    const struct route *routes = route_table(&count);
    exposition_counter(out, "provisiond_requests_total",
                       "Requests that have ended, by route, method and status.");
    for (size_t i = 0; i <= count; i++) {
        for (size_t place = 0; place < METHOD_COUNT * STATUS_COUNT; place++)
            write_count(metrics, i < count ? routes[i].pattern : "none", i, place, out);
    }
}

static void write_durations(struct metrics *metrics, FILE *out)
{
    char labels[LABELS_SIZE];
    struct histogram_counts counts;
    size_t count = 0;
    const struct route *routes = route_table(&count);
    exposition_histogram(out, "provisiond_request_duration_seconds",
                         "From a request's headers to the last byte of its answer.");
    for (size_t i = 0; i <= count; i++) {
        (void)snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\"",
                       i < count ? routes[i].pattern : "none",
                       i < count ? routes[i].method : "none");
        histogram_read(&metrics->durations[i], &counts);
        exposition_buckets(out, "provisiond_request_duration_seconds", labels, &counts);
    }
}

/* ---- the rest ---- */

static void write_clients(struct api *api, FILE *out)
{
    struct rate_refusals refusals = rate_refusals(api->rate);
    exposition_gauge_of(out, "provisiond_requests_under_way",
                        "Requests between their headers and their answer's last byte.",
                        gate_count(&api->gate, GATE_REQUESTS));
    exposition_gauge_of(out, "provisiond_connections", "Open connections.",
                        (int64_t)atomic_load(&api->watch.connected));
    exposition_gauge_of(out, "provisiond_connections_waiting",
                        "Connections whose TLS handshake has not begun.",
                        lobby_waiting(api->lobby));
    exposition_gauge_of(out, "provisiond_connections_max", "[api] connections.",
                        api->config->connections);
    exposition_counter_of(out, "provisiond_connections_refused_total",
                          "Connections closed: too many, or waited for too long.",
                          atomic_load(&api->refused));
    exposition_counter_of(out, "provisiond_connections_cut_off_total",
                          "Connections of clients that were too slow.",
                          atomic_load(&api->watch.cut_off));
    exposition_counter_of(out, "provisiond_rate_limited_total",
                          "Requests refused because their caller asked too often.",
                          refusals.limited);
    exposition_counter_of(out, "provisiond_caller_busy_total",
                          "Requests refused because their caller had too many under way.",
                          refusals.busy);
    exposition_gauge_of(out, "provisiond_body_bytes", "Memory of the bodies being received.",
                        (int64_t)atomic_load(&api->bodies.taken));
    exposition_counter_of(out, "provisiond_bodies_refused_total",
                          "Requests refused because all bodies together were too large.",
                          atomic_load(&api->bodies.refused));
}

static void write_crl(struct api *api, FILE *out)
{
    struct crl_state state = crl_state(api->crl);
    if (state.condition == CRL_NONE)
        return;
    exposition_gauge_of(out, "provisiond_client_crl_entries",
                        "Revoked client certificates on the lists in force.",
                        (int64_t)state.entries);
    exposition_gauge_of(out, "provisiond_client_crl_stale",
                        "1 while the file of [api] client_crl cannot be used.", state.is_broken);
    if (state.next_update_unix_s > 0)
        exposition_gauge_of(out, "provisiond_client_crl_next_update_timestamp_seconds",
                            "When the first of the lists in force is overdue.",
                            state.next_update_unix_s);
}

static void write_certificates(struct api *api, FILE *out)
{
    exposition_gauge_of(out, "provisiond_server_certificate_expiry_timestamp_seconds",
                        "When the server's certificate, or one of its chain, expires.",
                        server_certificate_expires_unix_s(api->certificate));
    exposition_gauge_of(out, "provisiond_server_certificate_stale",
                        "1 while the files of the server's certificate and key cannot be used.",
                        server_certificate_is_stale(api->certificate));
    exposition_gauge_of(out, "provisiond_client_ca_expiry_timestamp_seconds",
                        "When the first certificate of the client CA expires.",
                        trusts_expires_unix_s(&api->trusts));
    write_crl(api, out);
}

void metrics_write_own(struct api *api, FILE *out)
{
    struct metrics *metrics = api->metrics;
    exposition_gauge(out, "provisiond_build_info", "1, with the version of provisiond.");
    exposition_sample(out, "provisiond_build_info", "version=\"" PROVISIOND_VERSION "\"", 1);
    exposition_gauge_of(out, "provisiond_start_time_seconds", "When provisiond was started.",
                        metrics->started_unix_s);
    write_requests(metrics, out);
    write_durations(metrics, out);
    write_clients(api, out);
    write_certificates(api, out);
}
