/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The station as a child: seats go in, events come out, and at times it is killed. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "rig/line/state.h"

#define NUMBER_SIZE 24

/* ---- the process ---- */

void line_station_start(struct line *line)
{
    char tool[LINE_PATH_MAX];
    char work[LINE_PATH_MAX + 32];
    char sockets[NUMBER_SIZE];
    char retry[NUMBER_SIZE];
    const struct line_options *o = &line->options;
    (void)snprintf(tool, sizeof tool, "%s/rig-station", o->bin);
    (void)snprintf(work, sizeof work, "%s/station", line->dir);
    (void)snprintf(sockets, sizeof sockets, "%u", o->sockets);
    (void)snprintf(retry, sizeof retry, "%" PRId64, o->rest.retry_ms / 1000);
    const char *const argv[] = {tool,
                                "--url",
                                o->rest.url,
                                "--ca",
                                o->rest.ca,
                                "--cert",
                                o->rest.certificate,
                                "--key",
                                o->rest.key,
                                "--product",
                                o->product,
                                "--image",
                                o->image,
                                "--work",
                                work,
                                "--sockets",
                                sockets,
                                "--retry-seconds",
                                retry,
                                NULL};
    const struct line_process_options options = {
        .argv = argv, .has_input = true, .has_output = true, .error = line->log};
    line->station = (struct line_station){.process = LINE_PROCESS_NONE};
    if (line_process_start(&options, &line->station.process) != ERR_OK) {
        line_break(line, "rig-station cannot be started");
    }
}

/* A line is shorter than a pipe's buffer, and the station reads all the time. */
void line_station_announce(struct line *line, struct line_slot *slot)
{
    char text[LINE_SOCKET_MAX + LINE_NAME_SIZE + 4];
    int length = snprintf(text, sizeof text, "%s %s\n", line->chips[slot->chip].name, slot->path);
    slot->is_announced = line->station.process.input >= 0 &&
                         write(line->station.process.input, text, (size_t)length) == length;
    slot->announced_ms = clock_monotonic_ms();
}

void line_station_close(struct line *line)
{
    line->station.is_closing = true;
    if (line->station.process.input >= 0)
        (void)close(line->station.process.input);
    line->station.process.input = -1;
}

/* The chips did not notice: they sit where they sat, and the new station is told of them. */
static void start_again(struct line *line)
{
    line_station_start(line);
    for (unsigned i = 0; i < line->options.sockets; i++) {
        struct line_slot *slot = &line->slots[i];
        bool was_announced = slot->is_announced;
        slot->is_announced = false;
        if (slot->state == SLOT_READY || (slot->state == SLOT_BOOTING && was_announced))
            line_station_announce(line, slot);
    }
}

void line_station_ended(struct line *line, int status)
{
    bool is_closing = line->station.is_closing;
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    line_station_read(line);
    line_process_clear(&line->station.process);
    line->station.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (is_closing || line->is_interrupted)
        return;
    if (is_killed && !line->is_broken) {
        start_again(line);
    } else {
        line_break(line, "rig-station ended by itself");
    }
}

static void kill_when_planned(struct line *line)
{
    if (line->kills_done == line->kill_count ||
        line->counts.events < line->kill_at[line->kills_done] || line->station.is_closing)
        return;
    line->kills_done++;
    line->counts.kills++;
    (void)kill(line->station.process.pid, SIGKILL);
}

/* ---- events ---- */

static void set_fate(struct line *line, struct line_chip *chip, enum line_fate fate,
                     const char *reason)
{
    line->counts.fates[chip->fate]--;
    line->counts.fates[fate]++;
    chip->fate = fate;
    (void)snprintf(chip->reason, sizeof chip->reason, "%s", reason);
}

static void take_licensed(struct line *line, const struct line_slot *slot, const char *detail)
{
    const char *text = strstr(detail, "remaining=");
    int64_t remaining = text != NULL ? strtoll(text + strlen("remaining="), NULL, 10) : -1;
    line->chips[slot->chip].is_licensed = true;
    /* Told before the quota was raised. */
    if (slot->announced_ms <= line->helped_ms)
        return;
    /* Sockets tell it out of order; it only sinks, until the quota is raised. */
    if (remaining >= 0 && (line->remaining < 0 || remaining < line->remaining))
        line->remaining = remaining;
}

/* The first time an action may help: a command that raises the quota. */
static void take_quota_spent(struct line *line, const struct line_slot *slot)
{
    /* It asked before the quota was raised, and is heard only now. */
    if (slot->announced_ms <= line->helped_ms) {
        set_fate(line, &line->chips[slot->chip], LINE_WAITING, "");
        return;
    }
    const char *const argv[] = {"/bin/sh", "-c", line->options.on_quota_spent, NULL};
    const struct line_process_options options = {.argv = argv, .error = line->log};
    line->is_held = true;
    if (line->options.on_quota_spent == NULL || line->is_helper_used)
        return;
    line->is_helper_used = true;
    if (line_process_start(&options, &line->helper) != ERR_OK)
        line_complain("the command for a spent quota cannot be started");
}

/* True when that was the station's last word on the chip. */
static bool take_last_word(struct line *line, struct line_chip *chip, const char *event,
                           const char *detail)
{
    static const struct {
        const char *event;
        enum line_fate fate;
    } words[] = {{"succeeded", LINE_SUCCEEDED},
                 {"failed", LINE_FAILED},
                 {"aside", LINE_ASIDE},
                 {"quota-spent", LINE_NO_QUOTA}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(event, words[i].event) == 0) {
            set_fate(line, chip, words[i].fate, detail);
            return true;
        }
    }
    return false;
}

static void take_event(struct line *line, struct line_slot *slot, const char *event,
                       const char *detail)
{
    struct line_chip *chip = &line->chips[slot->chip];
    (void)snprintf(slot->step, sizeof slot->step, "%s", event);
    if (strcmp(event, "licensed") == 0)
        take_licensed(line, slot, detail);
    else if (strcmp(event, "installing") == 0)
        slot->percent = (unsigned)strtoul(detail, NULL, 10);
    else if (strcmp(event, "retrying") == 0)
        line->counts.retries++;
    if (!take_last_word(line, chip, event, detail))
        return;
    line_slot_empty(line, slot);
    if (chip->fate == LINE_NO_QUOTA)
        take_quota_spent(line, slot);
}

static void remember(struct line *line, const char *text)
{
    size_t at = line->event_count++ % LINE_EVENTS_KEPT;
    (void)snprintf(line->events[at], sizeof line->events[at], "%s", text);
}

/* "SOCKET NAME EVENT [DETAIL]" */
static void take_line(struct line *line, char *text)
{
    char *rest = NULL;
    char copy[STATION_EVENT_MAX];
    (void)snprintf(copy, sizeof copy, "%s", text);
    const char *socket = strtok_r(copy, " ", &rest);
    const char *name = strtok_r(NULL, " ", &rest);
    const char *event = strtok_r(NULL, " ", &rest);
    if (socket == NULL || name == NULL || event == NULL)
        return; /* "steps N" */
    struct line_slot *slot = line_slot_of_chip(line, name);
    if (slot == NULL)
        return; /* said before the station was killed and again after */
    line->counts.events++;
    if (strcmp(event, "installing") != 0 && strcmp(event, "seated") != 0)
        remember(line, text);
    take_event(line, slot, event, rest);
    kill_when_planned(line);
}

static void take_lines(struct line *line)
{
    struct line_station *station = &line->station;
    char *begin = station->text;
    char *end = NULL;
    while ((end = memchr(begin, '\n', station->length - (size_t)(begin - station->text))) != NULL) {
        *end = '\0';
        take_line(line, begin);
        begin = end + 1;
    }
    station->length -= (size_t)(begin - station->text);
    memmove(station->text, begin, station->length);
}

void line_station_read(struct line *line)
{
    struct line_station *station = &line->station;
    ssize_t n = 0;
    while (station->process.output >= 0 && station->length < sizeof station->text &&
           (n = read(station->process.output, station->text + station->length,
                     sizeof station->text - station->length)) > 0) {
        station->length += (size_t)n;
        take_lines(line);
    }
    if (n == 0 && station->process.output >= 0) {
        (void)close(station->process.output);
        station->process.output = -1;
    }
}
