/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A thread that waits on a condition with a deadline. */
#include "api/keeper.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/clock.h"

struct keeper {
    int64_t (*look)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool is_stopped; /* guarded by lock */
};

/* False when the keeper was stopped meanwhile. */
static bool rest(struct keeper *keeper, int64_t pause_ms)
{
    const struct timespec until =
        deadline_timespec(deadline_in(pause_ms < KEEPER_PACE_MS ? pause_ms : KEEPER_PACE_MS));
    int rc = 0;
    (void)pthread_mutex_lock(&keeper->lock);
    while (!keeper->is_stopped && rc == 0)
        rc = pthread_cond_clockwait(&keeper->stopped, &keeper->lock, CLOCK_MONOTONIC, &until);
    bool is_on = !keeper->is_stopped;
    (void)pthread_mutex_unlock(&keeper->lock);
    return is_on;
}

static void *keeper_main(void *argument)
{
    struct keeper *keeper = argument;
    int64_t pause_ms = KEEPER_PACE_MS;
    while (rest(keeper, pause_ms))
        pause_ms = keeper->look(keeper->context);
    return NULL;
}

static void discard(struct keeper *keeper)
{
    (void)pthread_mutex_destroy(&keeper->lock);
    (void)pthread_cond_destroy(&keeper->stopped);
    free(keeper);
}

enum error keeper_new(int64_t (*look)(void *context), void *context, struct keeper **ret_keeper)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return ERR_INTERNAL;
    keeper->look = look;
    keeper->context = context;
    (void)pthread_mutex_init(&keeper->lock, NULL);
    (void)pthread_cond_init(&keeper->stopped, NULL);
    if (pthread_create(&keeper->thread, NULL, keeper_main, keeper) != 0) {
        discard(keeper);
        return ERR_INTERNAL;
    }
    *ret_keeper = keeper;
    return ERR_OK;
}

void keeper_free(struct keeper *keeper)
{
    if (keeper == NULL)
        return;
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->is_stopped = true;
    (void)pthread_cond_signal(&keeper->stopped);
    (void)pthread_mutex_unlock(&keeper->lock);
    (void)pthread_join(keeper->thread, NULL);
    discard(keeper);
}
