/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Threads that take calls from a bounded queue and answer them. A full queue is an answer, not a
 * wait. Threads: work_pool_submit is safe from any thread.
 */
#ifndef VAULT_WORK_POOL_H
#define VAULT_WORK_POOL_H

#include <stdbool.h>

#include "core/error.h"
#include "core/rpc_server.h"

struct work_pool;

/* serve takes the call and answers it exactly once. */
enum error work_pool_new(unsigned threads, unsigned queue_max,
                         void (*serve)(void *context, struct rpc_call *call), void *context,
                         struct work_pool **ret_pool) MUST_USE;
/* False when the queue is full; the call stays the caller's. */
bool work_pool_submit(struct work_pool *pool, struct rpc_call *call) MUST_USE;
/* Serves what is queued, then ends the threads. NULL is allowed. */
void work_pool_free(struct work_pool *pool);

#endif
