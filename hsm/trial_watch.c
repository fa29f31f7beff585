/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One child of a trial, seen from its parent: what it says, how it ends. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "hsm/trial_run.h"

#define LINE_MAX_BYTES 2048
#define LOGIN_MS       15000 /* a login that is under way is let end */
#define END_MS         2000  /* from the result, or an interrupt, to the end of the process */
#define MS_PER_S       1000

/* What the child has said so far, and the line that has begun. */
struct hearing {
    char line[LINE_MAX_BYTES];
    size_t length;
    bool has_result;
    bool is_closed;
    struct trial_result *result;
};

static enum trial_state state_of(char digit)
{
    return digit >= '0' + TRIAL_WORKS && digit <= '0' + TRIAL_NO ? (enum trial_state)(digit - '0')
                                                                 : TRIAL_NO;
}

/* Fields apart by tabs; what is missing is empty. */
static char *cut_field(char **at)
{
    char *field = *at;
    char *end = strchr(field, '\t');
    *at = end != NULL ? end + 1 : field + strlen(field);
    if (end != NULL)
        *end = '\0';
    return field;
}

static void take_result(struct hearing *hearing, char *line)
{
    struct trial_result *result = hearing->result;
    result->state = state_of(*cut_field(&line));
    (void)snprintf(result->reason, sizeof result->reason, "%s", cut_field(&line));
    (void)snprintf(result->finding, sizeof result->finding, "%s", cut_field(&line));
    (void)snprintf(result->advice, sizeof result->advice, "%s", cut_field(&line));
    hearing->has_result = true;
}

static void take_login(struct trial_watch *watch, char digit)
{
    watch->was_tried = true;
    if (digit == '1')
        watch->logging_in++;
    else if (watch->logging_in > 0)
        watch->logging_in--;
    watch->has_logged_in = watch->has_logged_in || digit == '0';
}

static void take_line(struct trial_watch *watch, struct hearing *hearing)
{
    char *line = hearing->line;
    if (line[0] == 'R' && !hearing->has_result)
        take_result(hearing, line + 1);
    else if (line[0] == 'L')
        take_login(watch, line[1]);
    else if (line[0] == 'N')
        hearing->result->number = strtoll(line + 1, NULL, 10);
    else if (line[0] == 'D')
        (void)dprintf(watch->out, "detail\t%s\t%s\n", watch->probe->id, line + 1);
}

/* The child's memory is the module's too, so anything may come: lines that are too long are cut,
 * and what cannot be printed is not passed on. */
static void take_bytes(struct trial_watch *watch, struct hearing *hearing, const char *bytes,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char c = bytes[i];
        if (c == '\n') {
            hearing->line[hearing->length] = '\0';
            hearing->length = 0;
            take_line(watch, hearing);
        } else if (hearing->length < sizeof hearing->line - 1) {
            hearing->line[hearing->length++] =
                (char)(c == '\t' || (c >= ' ' && c <= '~') ? c : '?');
        }
    }
}

static void hear(struct trial_watch *watch, struct hearing *hearing)
{
    char bytes[LINE_MAX_BYTES];
    ssize_t n = read(watch->pipe, bytes, sizeof bytes);
    if (n > 0)
        take_bytes(watch, hearing, bytes, (size_t)n);
    else if (n == 0 || errno != EINTR)
        hearing->is_closed = true;
}

/* Taken, so that it does not interrupt what clears up as well. */
static bool take_signal(int signals)
{
    struct signalfd_siginfo info;
    return read(signals, &info, sizeof info) == sizeof info;
}

static bool wait_for_news(struct trial_watch *watch, struct hearing *hearing, deadline_ms deadline)
{
    struct pollfd entries[] = {
        {.fd = watch->pipe, .events = POLLIN},
        {.fd = watch->is_interrupted ? -1 : watch->signals, .events = POLLIN}};
    int n = poll(entries, 2, deadline_left_ms(deadline));
    if (n == 0)
        return false;
    if (n > 0 && entries[1].revents != 0)
        watch->is_interrupted = take_signal(watch->signals);
    if (n > 0 && entries[0].revents != 0)
        hear(watch, hearing);
    return true;
}

/*
 * True when the child had the time that it may have. Behind its result, and after an interrupt, it
 * has a moment more: killed while it writes, SoftHSM would leave half an object that nobody sees.
 */
static bool listen_to(struct trial_watch *watch, struct hearing *hearing)
{
    deadline_ms deadline = deadline_in((int64_t)watch->deadline_s * MS_PER_S);
    bool is_ending = false;
    while (!hearing->is_closed) {
        if (!wait_for_news(watch, hearing, deadline))
            return !watch->is_interrupted;
        bool is_over = hearing->has_result || watch->is_interrupted;
        if (is_over && !is_ending)
            deadline = deadline_in(END_MS);
        is_ending = is_over;
    }
    return false;
}

static void let_logins_end(struct trial_watch *watch, struct hearing *hearing)
{
    deadline_ms deadline = deadline_in(LOGIN_MS);
    while (watch->logging_in > 0 && !hearing->is_closed && wait_for_news(watch, hearing, deadline))
        continue;
}

static void set(struct trial_result *result, enum trial_state state, const char *reason,
                const char *advice)
{
    result->state = state;
    (void)snprintf(result->reason, sizeof result->reason, "%s", reason);
    (void)snprintf(result->advice, sizeof result->advice, "%s", advice);
}

static void describe_end(const struct trial_watch *watch, int status, bool is_late,
                         struct trial_result *result)
{
    if (is_late) {
        set(result, TRIAL_HANGS, "hangs",
            "The service would end the worker after each such call and begin with a new one. Is "
            "the device reachable? A slow one wants --timeout.");
        (void)snprintf(result->finding, sizeof result->finding, "no answer within %u s",
                       watch->deadline_s);
    } else if (watch->is_interrupted) {
        set(result, TRIAL_UNTRIED, "interrupted", "");
        (void)snprintf(result->finding, sizeof result->finding, "interrupted");
    } else if (WIFSIGNALED(status)) {
        set(result, TRIAL_CRASHES, "crashes",
            "The module ended its process. The service would go on with a new worker each time: "
            "ask the vendor for a newer module.");
        (void)snprintf(result->finding, sizeof result->finding, "ended by SIG%s",
                       sigabbrev_np(WTERMSIG(status)) != NULL ? sigabbrev_np(WTERMSIG(status))
                                                              : "?");
    } else {
        set(result, TRIAL_CRASHES, "crashes",
            "The module ended its process by itself: look for its own message, and ask the "
            "vendor.");
        (void)snprintf(result->finding, sizeof result->finding, "ended its process, status %d",
                       WEXITSTATUS(status));
    }
}

/* A driver may keep a killed process for as long as it likes: such a one is left behind. */
static int reap(pid_t pid)
{
    int status = 0;
    int process = pidfd_open(pid, 0);
    if (process >= 0) {
        struct pollfd entry = {.fd = process, .events = POLLIN};
        (void)poll(&entry, 1, END_MS);
        (void)close(process);
    }
    (void)waitpid(pid, &status, WNOHANG);
    return status;
}

void trial_watch_child(struct trial_watch *watch, struct trial_result *ret_result)
{
    struct trial_result result = {.state = TRIAL_UNTRIED, .number = -1};
    struct hearing hearing = {.result = &result};
    const int64_t start = clock_monotonic_ms();
    int status = 0;
    bool is_late = listen_to(watch, &hearing);
    let_logins_end(watch, &hearing);
    if (!hearing.is_closed)
        (void)kill(-watch->pid, SIGKILL);
    status = reap(watch->pid);
    (void)kill(-watch->pid, SIGKILL); /* helpers whose probe crashed */
    if (!hearing.has_result)
        describe_end(watch, status, is_late, &result);
    result.took_ms = clock_monotonic_ms() - start;
    *ret_result = result;
}
