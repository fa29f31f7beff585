/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the files of this room share. Immutable after vault_new; the members synchronise themselves.
 */
#ifndef VAULT_STATE_H
#define VAULT_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "config/config.h"
#include "core/histogram.h"
#include "hsm/hsm_client.h"
#include "image/image_store.h"
#include "ledger/ledger.h"
#include "vault/turns.h"

struct catalogue;
struct ledger_watch;
struct governance;
struct hsm_watch;
struct notary;
struct product_cache;
struct rotation;
struct rpc_server;
struct work_pool;

struct vault {
    const struct config *config;
    struct ledger *ledger;
    struct catalogue *catalogue;
    struct image_store *images;
    struct hsm_client *hsm;
    struct hsm_watch *watch;
    struct ledger_watch *ledger_watch;
    struct governance *governance;
    struct notary *notary;
    struct product_cache *products;
    struct work_pool *station_pool;
    struct work_pool *admin_pool;
    struct rpc_server *station_server;
    struct rpc_server *admin_server;
    uint64_t probed_taken;      /* the probe's: calls that the station pool had taken then */
    atomic_uint encryptions;    /* under way; see admin_image.c */
    atomic_uint anchor_waiters; /* see course.c */
    struct turns batches;       /* see recipe_batch.c */
    struct turns sums;          /* see station_install.c */
    struct histogram hsm_calls; /* wraps for licenses */
    pthread_mutex_t documents;  /* guards the two below; see grants.c */
    pthread_cond_t document_is_done;
    bool has_document;         /* a signed document is being taken: one at a time */
    struct rotation *rotation; /* of a firmware key; see rotation.h */
};

#endif
