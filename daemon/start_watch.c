/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The watchdog's thread, with a probe of what the kernel has counted. Owns no state. */
#include "daemon/start_watch.h"

#include <sys/resource.h>

#include "core/log.h"

/* Many looks long: a disk that writes its cache back keeps no processor busy meanwhile. */
#define MORE_TIME "EXTEND_TIMEOUT_USEC=180000000"
#define US_PER_S  1000000
#define MS_PER_S  1000
#define US_PER_MS 1000
/* Less than that between two looks is what the looks themselves use. */
#define WORK_SHARE      100 /* of the time */
#define WORK_BLOCKS_MIN 64

static int64_t us_of(const struct timeval *time)
{
    return (int64_t)time->tv_sec * US_PER_S + time->tv_usec;
}

static bool has_worked(struct start_watch *watch)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0)
        return true;
    const int64_t processor_us = us_of(&used.ru_utime) + us_of(&used.ru_stime);
    const int64_t disk_blocks = (int64_t)used.ru_inblock + used.ru_oublock;
    const int64_t least_us = watch->pace_ms * US_PER_MS / WORK_SHARE;
    bool is_more = processor_us - watch->processor_us >= least_us ||
                   disk_blocks - watch->disk_blocks >= WORK_BLOCKS_MIN;
    watch->processor_us = processor_us;
    watch->disk_blocks = disk_blocks;
    return is_more;
}

static enum error probe(void *context, deadline_ms deadline, struct fault *fault)
{
    struct start_watch *watch = context;
    const int64_t since_ms = clock_monotonic_ms() - watch->began_ms;
    (void)deadline;
    if (!has_worked(watch))
        return fault_set(fault, ERR_INTERNAL, "start",
                         "The start has used neither processor nor disk for a while: it hangs, or "
                         "waits for a slow disk. systemd ends it if that goes on.",
                         0);
    if (since_ms >= watch->pace_ms)
        log_event(LOG_LEVEL_INFO, "start-goes-on", LOG_NUMBER("since_s", since_ms / MS_PER_S));
    return ERR_OK;
}

enum error start_watch_begin(struct start_watch *watch, int64_t pace_ms, struct fault *fault)
{
    *watch = (struct start_watch){
        .began_ms = clock_monotonic_ms(), .pace_ms = pace_ms, .processor_us = -US_PER_S};
    const struct watchdog_options options = {.probe = probe,
                                             .context = watch,
                                             .pace_ms = pace_ms,
                                             .sign = MORE_TIME,
                                             .silence = "start-stands-still"};
    return watchdog_new_at(&options, &watch->watchdog, fault);
}

void start_watch_end(struct start_watch *watch)
{
    watchdog_free(watch->watchdog);
    watch->watchdog = NULL;
}
