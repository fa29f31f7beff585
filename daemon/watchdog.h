/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The service manager's watchdog, fed by what the program is for and not by a timer.
 *
 * When the manager asks for signs of life (WatchdogSec= of the unit), a thread asks the program's
 * probe four times in each interval, and sends one only after the probe was answered. A probe goes
 * the way of a request. So a program that runs and answers nobody falls silent, and the manager
 * ends it and starts it anew.
 *
 * Order of calls: watchdog_new when the program serves, watchdog_free before it stops. Threads:
 * both from one thread; the probe runs on the watchdog's own.
 */
#ifndef DAEMON_WATCHDOG_H
#define DAEMON_WATCHDOG_H

#include "core/clock.h"
#include "core/error.h"

struct watchdog;

/* Returns by the deadline: ERR_OK, or a fault that says what did not answer. */
typedef enum error (*watchdog_probe)(void *context, deadline_ms deadline, struct fault *fault);

struct watchdog_options {
    watchdog_probe probe;
    void *context;
    int64_t pace_ms;
    const char *sign;    /* what the manager is told after an answer (sd_notify(3)) */
    const char *silence; /* the event in the log when there was none */
};

/* Whether or not somebody asks, at a pace of its own. ERR_INTERNAL: no memory or no thread. */
enum error watchdog_new_at(const struct watchdog_options *options, struct watchdog **ret_watchdog,
                           struct fault *fault) MUST_USE;
/* *ret_watchdog is NULL when nobody asks for signs of life. ERR_INTERNAL: no memory or no thread.
 */
enum error watchdog_new(watchdog_probe probe, void *context, struct watchdog **ret_watchdog,
                        struct fault *fault) MUST_USE;
/* Returns when the probe is not running and will not any more. NULL is allowed. */
void watchdog_free(struct watchdog *watchdog);

#endif
