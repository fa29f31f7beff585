/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A start that takes long, for as long as it works: a large ledger is opened, or brought to this
 * version.
 *
 * The service manager ends a start after TimeoutStartSec=. A thread looks again and again whether
 * the program has used a processor or a disk since the look before, and asks for more time if so. A
 * start that hangs asks for none, and is ended. Each look but the first is a line in the log:
 * start-goes-on or start-stands-still.
 *
 * Order of calls: start_watch_begin before what may take long, start_watch_end before the program
 * says that it is ready. Threads: both from one thread.
 */
#ifndef DAEMON_START_WATCH_H
#define DAEMON_START_WATCH_H

#include "daemon/watchdog.h"

#define START_WATCH_PACE_MS 10000

struct start_watch {
    struct watchdog *watchdog;
    int64_t began_ms;
    int64_t pace_ms;
    int64_t processor_us; /* used until the newest look */
    int64_t disk_blocks;
};

/* ERR_INTERNAL: no memory or no thread. The pace is START_WATCH_PACE_MS, but in tests. */
enum error start_watch_begin(struct start_watch *watch, int64_t pace_ms,
                             struct fault *fault) MUST_USE;
/* Without effect on one that is zero or has ended. */
void start_watch_end(struct start_watch *watch);

#endif
