/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The wish to stop and the steps. Owns one event descriptor and two counters. */
#include "rig/station/control.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PAUSE_MAX_MS 60000

static int stop_fd = -1; /* never closed: any thread may be waiting for it */
static atomic_bool is_stopping;
static atomic_ulong steps;
static unsigned long die_at; /* immutable after station_control_init */

enum error station_control_init(unsigned long die_at_step)
{
    die_at = die_at_step;
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return stop_fd >= 0 ? ERR_OK : ERR_INTERNAL;
}

void station_control_stop(void)
{
    const uint64_t one = 1;
    atomic_store(&is_stopping, true);
    (void)!write(stop_fd, &one, sizeof one);
}

bool station_control_is_stopping(void)
{
    return atomic_load(&is_stopping);
}

int station_control_fd(void)
{
    return stop_fd;
}

bool station_control_pause(int64_t pause_ms)
{
    struct pollfd wait = {.fd = stop_fd, .events = POLLIN};
    (void)poll(&wait, 1, pause_ms < PAUSE_MAX_MS ? (int)pause_ms : PAUSE_MAX_MS);
    return !station_control_is_stopping();
}

void station_control_step(void)
{
    if (atomic_fetch_add(&steps, 1) + 1 == die_at)
        (void)raise(SIGKILL);
}

unsigned long station_control_steps(void)
{
    return atomic_load(&steps);
}
