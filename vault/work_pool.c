/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A fixed number of threads over core/fair_queue. */
#include "vault/work_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/clock.h"

#define POOL_WAIT_MS 60000 /* only how often an idle thread looks up */

/* One call that waits. */
struct work {
    struct rpc_call *call;
    void *message;
    int64_t queued_us;
};

struct work_pool {
    struct fair_queue *queue;
    struct work_pool_options options;
    struct histogram waits;
    atomic_uint_fast64_t refused;
    unsigned count;
    pthread_t threads[];
};

static const struct fault FULL = {.code = ERR_BUSY,
                                  .reason = "queue-full",
                                  .detail = "The vault has more requests than it can take."};
static const struct fault CALLER_FULL = {
    .code = ERR_BUSY,
    .reason = "caller-queue-full",
    .detail = "The vault has more requests of this caller than it lets wait; send fewer at once."};
static const struct fault LATE = {.code = ERR_BUSY,
                                  .reason = "waited-too-long",
                                  .detail =
                                      "The request waited too long for its turn in the vault."};

static void refuse(struct work_pool *pool, const struct work *work, const struct fault *why)
{
    (void)atomic_fetch_add(&pool->refused, 1);
    pool->options.refuse(pool->options.context, work->call, work->message, why);
}

static void do_work(struct work_pool *pool, const struct work *work)
{
    int64_t wait_us = clock_monotonic_us() - work->queued_us;
    histogram_note(&pool->waits, wait_us);
    if (rpc_call_age_ms(work->call) > WORK_AGE_MAX_MS)
        refuse(pool, work, &LATE);
    else
        pool->options.serve(pool->options.context, work->call, work->message, wait_us);
}

static void *thread_main(void *argument)
{
    struct work_pool *pool = argument;
    for (;;) {
        struct sha256 key;
        struct work *work = fair_queue_pop(pool->queue, deadline_in(POOL_WAIT_MS), &key);
        if (work != NULL) {
            do_work(pool, work);
            fair_queue_done(pool->queue, &key);
        } else if (fair_queue_is_closed(pool->queue)) {
            return NULL;
        }
        free(work);
    }
}

enum error work_pool_new(const struct work_pool_options *options, struct work_pool **ret_pool)
{
    struct work_pool *pool = calloc(1, sizeof *pool + options->threads * sizeof pool->threads[0]);
    if (pool == NULL)
        return ERR_INTERNAL;
    pool->options = *options;
    enum error e = fair_queue_new(&options->queue, &pool->queue);
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

static enum fair_answer push(struct work_pool *pool, const struct sha256 *key,
                             const struct work *work, size_t bytes)
{
    struct work *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return FAIR_FULL;
    *copy = *work;
    enum fair_answer answer = fair_queue_push(pool->queue, key, copy, bytes);
    if (answer != FAIR_TAKEN)
        free(copy);
    return answer;
}

void work_pool_submit(struct work_pool *pool, struct rpc_call *call)
{
    struct sha256 key = {0};
    size_t bytes = 0;
    struct work work = {.call = call, .queued_us = clock_monotonic_us()};
    work.message = pool->options.read(call, &key, &bytes);
    if (work.message == NULL) {
        rpc_hang_up(call);
        return;
    }
    enum fair_answer answer = push(pool, &key, &work, bytes + rpc_call_request(call).length);
    if (answer != FAIR_TAKEN)
        refuse(pool, &work, answer == FAIR_KEY_FULL ? &CALLER_FULL : &FULL);
}

void work_pool_show(struct work_pool *pool, struct work_pool_view *ret_view)
{
    ret_view->waiting = fair_queue_length(pool->queue);
    ret_view->waiting_max = pool->options.queue.items_max;
    ret_view->refused = atomic_load(&pool->refused);
    histogram_read(&pool->waits, &ret_view->waits);
}

void work_pool_free(struct work_pool *pool)
{
    if (pool == NULL)
        return;
    if (pool->queue != NULL)
        fair_queue_close(pool->queue);
    for (unsigned i = 0; i < pool->count; i++)
        (void)pthread_join(pool->threads[i], NULL);
    fair_queue_free(pool->queue);
    free(pool);
}
