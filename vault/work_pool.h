/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Threads that take calls from a bounded queue and answer them. The request is parsed once, before
 * it waits: whose it is decides about its turn (core/fair_queue.h). A full queue is an answer, not
 * a wait; so is a call that waited longer than WORK_AGE_MAX_MS: whoever asked has given up, and
 * serving it would only keep others waiting. Threads: work_pool_submit is safe from any thread.
 */
#ifndef VAULT_WORK_POOL_H
#define VAULT_WORK_POOL_H

#include <stdbool.h>

#include "core/error.h"
#include "core/fair_queue.h"
#include "core/histogram.h"
#include "core/rpc_server.h"

#define WORK_AGE_MAX_MS 8000 /* below the 10 s that provisiond waits */

struct work_pool;

struct work_pool_options {
    unsigned threads;
    struct fair_queue_options queue;
    /* The call's request as a message, the key that takes turns with others, and the bytes that the
     * message holds. NULL: it is none, and the connection is ended. */
    void *(*read)(const struct rpc_call *call, struct sha256 *ret_key, size_t *ret_bytes);
    /* Each takes call and message and answers exactly once: served, or refused. */
    void (*serve)(void *context, struct rpc_call *call, void *message, int64_t wait_us);
    void (*refuse)(void *context, struct rpc_call *call, void *message, const struct fault *why);
    void *context;
};

/* Since the start. */
struct work_pool_view {
    size_t waiting; /* now */
    size_t waiting_max;
    uint64_t refused;
    struct histogram_counts waits; /* of those that a thread took */
};

enum error work_pool_new(const struct work_pool_options *options,
                         struct work_pool **ret_pool) MUST_USE;
/* Takes the call: queues it, or refuses it with ERR_BUSY ("queue-full", "caller-queue-full"; later
 * "waited-too-long"). */
void work_pool_submit(struct work_pool *pool, struct rpc_call *call);
void work_pool_show(struct work_pool *pool, struct work_pool_view *ret_view);
/* Serves what is queued, then ends the threads. NULL is allowed. */
void work_pool_free(struct work_pool *pool);

#endif
