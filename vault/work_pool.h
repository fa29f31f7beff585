/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Threads that take calls from a bounded queue and answer them. A full queue is an answer, not a
 * wait; so is a call that waited longer than WORK_AGE_MAX_MS: whoever asked has given up, and
 * serving it would only keep others waiting. Threads: work_pool_submit is safe from any thread.
 */
#ifndef VAULT_WORK_POOL_H
#define VAULT_WORK_POOL_H

#include <stdbool.h>

#include "core/error.h"
#include "core/rpc_server.h"

#define WORK_AGE_MAX_MS 8000 /* below the 10 s that provisiond waits */

struct work_pool;

struct work_pool_options {
    unsigned threads;
    unsigned queue_max; /* calls */
    /* Each takes the call and answers it exactly once: served, or refused as busy. */
    void (*serve)(void *context, struct rpc_call *call);
    void (*refuse)(struct rpc_call *call);
    void *context;
};

enum error work_pool_new(const struct work_pool_options *options,
                         struct work_pool **ret_pool) MUST_USE;
/* Takes the call: queues it, or refuses it. */
void work_pool_submit(struct work_pool *pool, struct rpc_call *call);
/* Serves what is queued, then ends the threads. NULL is allowed. */
void work_pool_free(struct work_pool *pool);

#endif
