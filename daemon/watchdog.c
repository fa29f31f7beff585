/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A thread that probes, and waits on a condition until the next time. */
#include "daemon/watchdog.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include <systemd/sd-daemon.h>

#include "core/log.h"

#define LOOKS_PER_INTERVAL 4
#define US_PER_MS          1000
#define PACE_MIN_MS        1

struct watchdog {
    struct watchdog_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t has_ended;
    bool is_ending; /* guarded by lock */
};

static void look(struct watchdog *watchdog)
{
    struct fault fault = {0};
    const struct watchdog_options *options = &watchdog->options;
    if (options->probe(options->context, deadline_in(options->pace_ms), &fault) == ERR_OK)
        (void)sd_notify(0, options->sign);
    else
        log_fault(LOG_LEVEL_ERROR, options->silence, &fault);
}

/* False when the watchdog was ended meanwhile. */
static bool rest(struct watchdog *watchdog, deadline_ms until)
{
    const struct timespec point = deadline_timespec(until);
    int rc = 0;
    (void)pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->is_ending && rc == 0)
        rc = pthread_cond_clockwait(&watchdog->has_ended, &watchdog->lock, CLOCK_MONOTONIC, &point);
    bool is_on = !watchdog->is_ending;
    (void)pthread_mutex_unlock(&watchdog->lock);
    return is_on;
}

static void *watchdog_main(void *argument)
{
    struct watchdog *watchdog = argument;
    deadline_ms next = 0;
    do {
        next = deadline_in(watchdog->options.pace_ms);
        look(watchdog);
    } while (rest(watchdog, next));
    return NULL;
}

static void discard(struct watchdog *watchdog)
{
    (void)pthread_mutex_destroy(&watchdog->lock);
    (void)pthread_cond_destroy(&watchdog->has_ended);
    free(watchdog);
}

static enum error fail(struct fault *fault)
{
    return fault_set(
        fault, ERR_INTERNAL, "watchdog",
        "The watchdog lacks memory or a thread: raise the unit's MemoryMax= or TasksMax=.", 0);
}

enum error watchdog_new_at(const struct watchdog_options *options, struct watchdog **ret_watchdog,
                           struct fault *fault)
{
    *ret_watchdog = NULL;
    struct watchdog *watchdog = calloc(1, sizeof *watchdog);
    if (watchdog == NULL)
        return fail(fault);
    watchdog->options = *options;
    if (watchdog->options.pace_ms < PACE_MIN_MS)
        watchdog->options.pace_ms = PACE_MIN_MS;
    (void)pthread_mutex_init(&watchdog->lock, NULL);
    (void)pthread_cond_init(&watchdog->has_ended, NULL);
    if (pthread_create(&watchdog->thread, NULL, watchdog_main, watchdog) != 0) {
        discard(watchdog);
        return fail(fault);
    }
    *ret_watchdog = watchdog;
    return ERR_OK;
}

enum error watchdog_new(watchdog_probe probe, void *context, struct watchdog **ret_watchdog,
                        struct fault *fault)
{
    uint64_t interval_us = 0;
    *ret_watchdog = NULL;
    if (sd_watchdog_enabled(0, &interval_us) <= 0)
        return ERR_OK;
    const struct watchdog_options options = {
        .probe = probe,
        .context = context,
        .pace_ms = (int64_t)(interval_us / LOOKS_PER_INTERVAL / US_PER_MS),
        .sign = "WATCHDOG=1",
        .silence = "watchdog-silent"};
    return watchdog_new_at(&options, ret_watchdog, fault);
}

void watchdog_free(struct watchdog *watchdog)
{
    if (watchdog == NULL)
        return;
    (void)pthread_mutex_lock(&watchdog->lock);
    watchdog->is_ending = true;
    (void)pthread_cond_signal(&watchdog->has_ended);
    (void)pthread_mutex_unlock(&watchdog->lock);
    (void)pthread_join(watchdog->thread, NULL);
    discard(watchdog);
}
