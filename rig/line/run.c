/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The loop: what children say, who ended, and when the picture is drawn. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "rig/line/state.h"

#define TICK_MS  200
#define CLOSE_MS 15000 /* for the station's own end */
#define STALL_MS 60000 /* without an event, beyond what the station may wait for the service */

enum { FD_SIGNALS, FD_STATION, FD_SLOTS };

/* ---- signals ---- */

static int open_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- who ended ---- */

/* What the service says counts: events may have died with their station. One attempt only. */
static void refresh_quota(struct line *line)
{
    struct station_usage usage = {.granted = -1, .remaining = -1};
    (void)line_account_read(line, 0, &usage);
    line->granted = usage.granted;
    line->remaining = usage.remaining;
}

/* The quota was raised: who waited for it comes back. */
static void helper_ended(struct line *line, bool is_well)
{
    line_process_clear(&line->helper);
    if (!is_well) {
        line_complain("the command for a spent quota failed; see %s/log", line->dir);
        return;
    }
    line->is_held = false;
    line->helped_ms = clock_monotonic_ms();
    refresh_quota(line);
    for (size_t i = 0; i < line->chip_count; i++) {
        if (line->chips[i].fate != LINE_NO_QUOTA)
            continue;
        line->chips[i].fate = LINE_WAITING;
        line->counts.fates[LINE_WAITING]++;
        line->counts.fates[LINE_NO_QUOTA]--;
    }
}

static void take_end(struct line *line, pid_t pid, int status)
{
    bool is_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (pid == line->station.process.pid) {
        line_station_ended(line, status);
        return;
    }
    if (pid == line->helper.pid) {
        helper_ended(line, is_well);
        return;
    }
    for (unsigned i = 0; i < line->options.sockets; i++) {
        if (line->slots[i].process.pid == pid) {
            line_slot_ended(line, &line->slots[i], status);
            return;
        }
    }
}

static void take_signals(struct line *line, int signals)
{
    struct signalfd_siginfo info;
    pid_t pid = 0;
    int status = 0;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGCHLD)
            line->is_interrupted = true;
    }
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        take_end(line, pid, status);
}

/* ---- the loop ---- */

static void wait_for_news(struct line *line, int signals)
{
    struct pollfd fds[FD_SLOTS + LINE_SOCKETS_MAX] = {
        [FD_SIGNALS] = {.fd = signals, .events = POLLIN},
        [FD_STATION] = {.fd = line->station.process.output, .events = POLLIN}};
    unsigned count = line->options.sockets;
    for (unsigned i = 0; i < count; i++)
        fds[FD_SLOTS + i] = (struct pollfd){
            .fd = line->slots[i].state == SLOT_EMPTY ? -1 : line->slots[i].process.output,
            .events = POLLIN};
    if (poll(fds, FD_SLOTS + count, TICK_MS) <= 0)
        return;
    if (fds[FD_STATION].revents != 0)
        line_station_read(line);
    for (unsigned i = 0; i < count; i++) {
        if (fds[FD_SLOTS + i].revents != 0 && line->slots[i].state != SLOT_EMPTY)
            line_slot_read(line, &line->slots[i]);
    }
    if (fds[FD_SIGNALS].revents != 0)
        take_signals(line, signals);
}

static bool may_go_on(const struct line *line)
{
    return !line->is_broken && !line->is_interrupted;
}

static void close_station(struct line *line, int signals)
{
    deadline_ms deadline = deadline_in(CLOSE_MS);
    line_station_close(line);
    while (may_go_on(line) && line->station.process.pid > 0 && deadline_left_ms(deadline) > 0)
        wait_for_news(line, signals);
}

/* Nobody is left running, however it ended. */
static void end_children(struct line *line)
{
    line_process_kill(&line->station.process);
    line_process_kill(&line->helper);
    for (unsigned i = 0; i < line->options.sockets; i++) {
        if (line->slots[i].state != SLOT_EMPTY)
            line_slot_empty(line, &line->slots[i]);
    }
}

/* A station that says nothing any more would hold the line for ever. */
static void watch(struct line *line, unsigned long *seen, deadline_ms *deadline)
{
    if (line->counts.events != *seen || line->helper.pid > 0) {
        *seen = line->counts.events;
        *deadline = deadline_in(STALL_MS + (2 * line->options.rest.retry_ms));
    } else if (deadline_left_ms(*deadline) == 0) {
        line_break(line, "nothing happens any more");
    }
}

void line_run(struct line *line)
{
    int signals = open_signals();
    unsigned long seen = ULONG_MAX;
    deadline_ms deadline = 0;
    line->start_ms = clock_monotonic_ms();
    line->counts.fates[LINE_WAITING] = (unsigned)line->chip_count;
    line_station_start(line);
    while (may_go_on(line) && !line_is_finished(line)) {
        line_slot_fill(line);
        line_view_show(line, false);
        wait_for_news(line, signals);
        watch(line, &seen, &deadline);
    }
    line->end_ms = clock_monotonic_ms();
    close_station(line, signals);
    if (may_go_on(line))
        refresh_quota(line);
    line_view_show(line, true);
    end_children(line);
    line->is_disk_full = line->is_disk_full || line_disk_is_full(line);
    (void)close(signals);
}
