/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The vault's life: what is opened in which order, who may connect, and how it stops. Calls go from
 * a socket's reader thread into a bounded queue, in which callers take turns, and are served by the
 * pool's threads.
 */
#include "vault/vault.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/peer.h"
#include "core/rpc_server.h"
#include "ledger/copy.h"
#include "vault/admin.h"
#include "vault/catalogue.h"
#include "vault/governance.h"
#include "vault/hsm_watch.h"
#include "vault/ledger_watch.h"
#include "vault/notary.h"
#include "vault/product_cache.h"
#include "vault/rotation.h"
#include "vault/state.h"
#include "vault/station.h"
#include "vault/vault_client.h"
#include "vault/work_pool.h"

#define THREADS_SHARE   16
#define BATCHES_SHARE   8
#define SUMS_MAX        2
#define BYTES_PER_MB    (INT64_C(1024) * 1024)
#define ADMIN_THREADS   4
#define ADMIN_QUEUE     64
#define QUEUE_BYTES_MAX ((size_t)64 * 1024 * 1024) /* of requests that wait, per socket */

static bool station_peer_is_allowed(void *context, const struct rpc_peer *peer)
{
    const struct vault *vault = context;
    return peer_is_user(peer, vault->config->vault.client_user);
}

static bool admin_peer_is_allowed(void *context, const struct rpc_peer *peer)
{
    const struct vault *vault = context;
    return peer_is_in_group(peer, vault->config->vault.admin_group);
}

static void take_station_call(void *context, struct rpc_call *call)
{
    struct vault *vault = context;
    work_pool_submit(vault->station_pool, call);
}

static void take_admin_call(void *context, struct rpc_call *call)
{
    struct vault *vault = context;
    work_pool_submit(vault->admin_pool, call);
}

static enum error open_ledger(struct vault *vault, struct fault *fault)
{
    const char *path = vault->config->vault.ledger;
    const int64_t began_us = clock_monotonic_us();
    log_event(LOG_LEVEL_INFO, "starting", LOG_TEXT("ledger", path));
    enum error e = ledger_open(path, &vault->ledger, fault);
    if (e != ERR_OK)
        return e;
    ledger_set_reserve(vault->ledger, (int64_t)vault->config->vault.disk_reserve_mb * BYTES_PER_MB);
    log_event(LOG_LEVEL_INFO, "ledger-opened",
              LOG_NUMBER("leaves", ledger_opened_size(vault->ledger)),
              LOG_NUMBER("duration_us", clock_monotonic_us() - began_us));
    return ERR_OK;
}

static enum error open_stores(struct vault *vault, struct fault *fault)
{
    /* What may fail comes before the ledger is made. */
    enum error e = vault_check(vault->config, fault);
    if (e == ERR_OK)
        e = image_store_open(vault->config->vault.images, &vault->images, fault);
    return e == ERR_OK ? open_ledger(vault, fault) : e;
}

static enum error start_notary(struct vault *vault)
{
    const struct config_vault *config = &vault->config->vault;
    enum error e = governance_new(vault->ledger, vault->hsm, &vault->governance);
    if (e != ERR_OK)
        return e;
    const struct notary_options options = {.ledger = vault->ledger,
                                           .hsm = vault->hsm,
                                           .watch = vault->watch,
                                           .governance = vault->governance,
                                           .unanchored_max = config->unanchored_max,
                                           .checkpoint_interval_ms = config->checkpoint_interval_ms,
                                           .anchor_interval_s = config->anchor_interval_s};
    return notary_new(&options, &vault->notary);
}

/* A batch keeps its thread for long: half of the threads are left to others. A sum keeps a
 * processor for long, as a search through many installs does. */
static void init_turns(struct vault *vault)
{
    unsigned batches = (vault->config->vault.threads + 1) / 2;
    unsigned each = batches / BATCHES_SHARE > 0 ? batches / BATCHES_SHARE : 1;
    turns_init(&vault->batches, batches, each);
    turns_init(&vault->sums, SUMS_MAX, 1);
}

/*
 * What one caller has of the threads. They are many because they wait (for the HSM, for a commit);
 * the processors are few, and whoever comes beside a caller shares them with what that one has
 * under way.
 */
static size_t threads_per_caller(unsigned threads)
{
    return threads / THREADS_SHARE > 0 ? threads / THREADS_SHARE : 1;
}

static enum error start_threads(struct vault *vault, struct fault *fault)
{
    const struct config *config = vault->config;
    const struct work_pool_options station = {
        .threads = config->vault.threads,
        .queue = {.items_max = config->vault.queue,
                  .items_per_key = config->vault.queue_per_caller,
                  .bytes_max = QUEUE_BYTES_MAX,
                  .taken_max = config->vault.threads,
                  .taken_per_key = threads_per_caller(config->vault.threads)},
        .read = station_read,
        .serve = station_serve,
        .refuse = station_refuse,
        .context = vault};
    const struct work_pool_options admin = {.threads = ADMIN_THREADS,
                                            .queue = {.items_max = ADMIN_QUEUE,
                                                      .items_per_key = ADMIN_QUEUE,
                                                      .bytes_max = QUEUE_BYTES_MAX,
                                                      .taken_max = ADMIN_THREADS,
                                                      .taken_per_key = ADMIN_THREADS},
                                            .read = admin_read,
                                            .serve = admin_serve,
                                            .refuse = admin_refuse,
                                            .context = vault};
    enum error e = catalogue_new(vault->ledger, &vault->catalogue);
    if (e == ERR_OK)
        e = product_cache_new(&vault->products);
    if (e == ERR_OK)
        e = hsm_client_new(config->hsm.socket, &vault->hsm);
    if (e == ERR_OK)
        e = hsm_watch_new(vault->hsm, vault->ledger, &vault->watch);
    if (e == ERR_OK)
        e = start_notary(vault);
    if (e == ERR_OK)
        e = ledger_watch_new(vault->ledger, &vault->ledger_watch);
    if (e == ERR_OK)
        e = work_pool_new(&station, &vault->station_pool);
    if (e == ERR_OK)
        e = work_pool_new(&admin, &vault->admin_pool);
    if (e != ERR_OK)
        return fault_set(
            fault, e, "start",
            "The vault lacks memory or threads to start: raise the unit's MemoryMax= or TasksMax=.",
            0);
    return ERR_OK;
}

/* The sockets come last: who connects is served. Their modes let peers in, their checks decide. */
static enum error start_servers(struct vault *vault, struct fault *fault)
{
    const struct config_vault *config = &vault->config->vault;
    const struct rpc_server_options station = {.path = config->socket,
                                               .mode = 0666,
                                               .request_max = VAULT_REQUEST_MAX_BYTES,
                                               .is_allowed = station_peer_is_allowed,
                                               .handle = take_station_call,
                                               .context = vault};
    const struct rpc_server_options admin = {.path = config->admin_socket,
                                             .mode = 0666,
                                             .request_max = VAULT_REQUEST_MAX_BYTES,
                                             .accepts_fds = true,
                                             .is_allowed = admin_peer_is_allowed,
                                             .handle = take_admin_call,
                                             .context = vault};
    enum error e = rpc_server_new(&station, &vault->station_server, fault);
    if (e == ERR_OK)
        e = rpc_server_new(&admin, &vault->admin_server, fault);
    return e;
}

enum error vault_new(const struct config *config, struct vault **ret_vault, struct fault *fault)
{
    struct vault *vault = calloc(1, sizeof *vault);
    if (vault == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    vault->config = config;
    (void)pthread_mutex_init(&vault->documents, NULL);
    (void)pthread_cond_init(&vault->document_is_done, NULL);
    init_turns(vault);
    vault->rotation = rotation_new();
    enum error e = vault->rotation != NULL
                       ? open_stores(vault, fault)
                       : fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (e == ERR_OK)
        e = start_threads(vault, fault);
    if (e == ERR_OK)
        e = start_servers(vault, fault);
    if (e != ERR_OK) {
        vault_free(vault);
        return e;
    }
    *ret_vault = vault;
    return ERR_OK;
}

void vault_free(struct vault *vault)
{
    if (vault == NULL)
        return;
    if (vault->ledger != NULL)
        ledger_copy_stop(vault->ledger); /* whatever its size, it is not waited for */
    /* Nothing new comes in; the pools answer what they have; then what they used can go. */
    if (vault->station_server != NULL)
        rpc_server_stop(vault->station_server);
    if (vault->admin_server != NULL)
        rpc_server_stop(vault->admin_server);
    work_pool_free(vault->station_pool);
    work_pool_free(vault->admin_pool);
    rpc_server_free(vault->station_server);
    rpc_server_free(vault->admin_server);
    ledger_watch_free(vault->ledger_watch);
    notary_free(vault->notary);
    hsm_watch_free(vault->watch);
    hsm_client_free(vault->hsm);
    product_cache_free(vault->products);
    catalogue_free(vault->catalogue);
    image_store_close(vault->images);
    ledger_close(vault->ledger);
    governance_free(vault->governance); /* a change that was late may still ask it */
    (void)pthread_cond_destroy(&vault->document_is_done);
    (void)pthread_mutex_destroy(&vault->documents);
    turns_clear(&vault->batches);
    turns_clear(&vault->sums);
    rotation_free(vault->rotation);
    free(vault);
}
