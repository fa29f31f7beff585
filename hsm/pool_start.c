/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Whose turn it is to start a worker, and what became of starts. */
#include "hsm/pool_parts.h"

#include <string.h>

#define BACKOFF_FIRST_MS 100
#define TELL_EVERY_MS    60000

bool pool_is_available(const struct pool *pool)
{
    return !pool->is_stopping && (pool->states[KEEPER_READY] > 0 ||
                                  (pool->states[KEEPER_RETURNING] > 0 && !pool->is_failing));
}

/* Under the lock. */
static bool may_start(const struct pool *pool)
{
    return !pool->is_starting && deadline_left_ms(pool->not_before) == 0;
}

bool pool_enter_start(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->is_stopping && (pool->is_refused || !may_start(pool))) {
        struct timespec until = deadline_timespec(pool->not_before);
        if (pool->is_refused || pool->is_starting)
            (void)pthread_cond_wait(&pool->is_changed, &pool->lock);
        else
            (void)pthread_cond_timedwait(&pool->is_changed, &pool->lock, &until);
    }
    bool is_entered = !pool->is_stopping;
    if (is_entered)
        pool->is_starting = true;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_entered;
}

bool pool_try_enter_start(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool is_entered = !pool->is_stopping && !pool->is_refused && may_start(pool);
    if (is_entered)
        pool->is_starting = true;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_entered;
}

/* Under the lock. */
static void note_failed_start(struct pool *pool, enum error result, const struct fault *fault)
{
    pool->is_failing = true;
    if (!pool->is_stopping)
        pool->fault = *fault;
    if (result == ERR_HSM_PIN_REFUSED)
        pool->is_refused = true;
    pool->backoff_ms = pool->backoff_ms == 0 ? BACKOFF_FIRST_MS : 2 * pool->backoff_ms;
    if (pool->backoff_ms > HSM_BACKOFF_MAX_MS)
        pool->backoff_ms = HSM_BACKOFF_MAX_MS;
    pool->not_before = deadline_in(pool->backoff_ms);
}

void pool_leave_start(struct pool *pool, enum error result, const struct fault *fault)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_starting = false;
    if (result == ERR_OK) {
        pool->told_reason[0] = '\0';
        pool->is_failing = false;
        pool->backoff_ms = 0;
        pool->not_before = 0;
    } else {
        note_failed_start(pool, result, fault);
    }
    bool is_over = !pool_is_available(pool);
    (void)pthread_cond_broadcast(&pool->is_changed);
    (void)pthread_mutex_unlock(&pool->lock);
    if (result != ERR_OK && is_over)
        pool_drain(pool);
}

bool pool_is_failing(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool is_failing = pool->is_failing;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_failing;
}

bool pool_is_news(struct pool *pool, const struct fault *fault)
{
    int64_t now_ms = clock_monotonic_ms();
    (void)pthread_mutex_lock(&pool->lock);
    bool is_news =
        strcmp(pool->told_reason, fault->reason) != 0 || now_ms - pool->told_ms >= TELL_EVERY_MS;
    if (is_news) {
        strcpy(pool->told_reason, fault->reason);
        pool->told_ms = now_ms;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return is_news;
}

void pool_report_slow_start(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_failing = true;
    if (!pool->is_stopping)
        (void)fault_set(&pool->fault, ERR_HSM_UNAVAILABLE, "worker-starting",
                        "The token takes long to log in.", 0);
    bool is_over = !pool_is_available(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    if (is_over)
        pool_drain(pool);
}

void pool_change_state(struct pool *pool, enum keeper_state from, enum keeper_state to)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->states[from]--;
    pool->states[to]++;
    pool->restarts += to == KEEPER_RETURNING;
    (void)pthread_mutex_unlock(&pool->lock);
}

void pool_change_busy(struct pool *pool, bool is_busy)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->busy = is_busy ? pool->busy + 1 : pool->busy - 1;
    (void)pthread_mutex_unlock(&pool->lock);
}
