/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A fixed number of threads over core/queue. */
#include "vault/work_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/queue.h"

#define POOL_WAIT_MS 60000 /* only how often an idle thread looks up */

struct work_pool {
    struct queue *queue;
    struct work_pool_options options;
    unsigned count;
    pthread_t threads[];
};

static void *thread_main(void *argument)
{
    struct work_pool *pool = argument;
    for (;;) {
        struct rpc_call *call = queue_pop(pool->queue, deadline_in(POOL_WAIT_MS));
        if (call != NULL && rpc_call_age_ms(call) > WORK_AGE_MAX_MS)
            pool->options.refuse(call);
        else if (call != NULL)
            pool->options.serve(pool->options.context, call);
        else if (queue_is_closed(pool->queue))
            return NULL;
    }
}

enum error work_pool_new(const struct work_pool_options *options, struct work_pool **ret_pool)
{
    struct work_pool *pool = calloc(1, sizeof *pool + options->threads * sizeof pool->threads[0]);
    if (pool == NULL)
        return ERR_INTERNAL;
    pool->options = *options;
    enum error e = queue_new(options->queue_max, &pool->queue);
    while (e == ERR_OK && pool->count < options->threads) {
        if (pthread_create(&pool->threads[pool->count], NULL, thread_main, pool) == 0)
            pool->count++;
        else
            e = ERR_INTERNAL;
    }
    if (e != ERR_OK) {
        work_pool_free(pool);
        return e;
    }
    *ret_pool = pool;
    return ERR_OK;
}

void work_pool_submit(struct work_pool *pool, struct rpc_call *call)
{
    if (!queue_push(pool->queue, call))
        pool->options.refuse(call);
}

void work_pool_free(struct work_pool *pool)
{
    if (pool == NULL)
        return;
    if (pool->queue != NULL)
        queue_close(pool->queue);
    for (unsigned i = 0; i < pool->count; i++)
        (void)pthread_join(pool->threads[i], NULL);
    queue_free(pool->queue);
    free(pool);
}
