/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Chips in sockets: made when they are needed, switched on, switched off. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig/line/state.h"

#define NUMBER_SIZE 24
#define ARGV_MAX    16

/* ---- which chip is next ---- */

static bool is_done(const struct line_chip *chip)
{
    return chip->fate == LINE_SUCCEEDED || chip->fate == LINE_FAILED || chip->fate == LINE_ASIDE;
}

/* A clone is made from its original when that is installed. */
static bool may_be_seated(const struct line *line, const struct line_chip *chip)
{
    if (chip->fate != LINE_WAITING)
        return false;
    return chip->kind != LINE_CLONE || is_done(&line->chips[chip->original]);
}

/* The strangers come in between: a real line does not know them beforehand. */
static bool find_next(const struct line *line, size_t *ret_chip)
{
    unsigned done = line->counts.fates[LINE_SUCCEEDED];
    size_t genuine = line->options.chips;
    bool is_time = done * 4 >= line->options.chips;
    for (size_t i = genuine; is_time && i < line->chip_count; i++) {
        if (may_be_seated(line, &line->chips[i])) {
            *ret_chip = i;
            return true;
        }
    }
    for (size_t i = 0; i < line->chip_count; i++) {
        if (may_be_seated(line, &line->chips[i])) {
            *ret_chip = i;
            return true;
        }
    }
    return false;
}

bool line_is_finished(const struct line *line)
{
    size_t chip = 0;
    bool is_at_rest = line_slot_busy(line) == 0 && line->helper.pid == 0;
    return is_at_rest && (line->is_held || !find_next(line, &chip));
}

unsigned line_slot_busy(const struct line *line)
{
    unsigned busy = 0;
    for (unsigned i = 0; i < line->options.sockets; i++)
        busy += line->slots[i].state != SLOT_EMPTY;
    return busy;
}

struct line_slot *line_slot_of_chip(struct line *line, const char *name)
{
    for (unsigned i = 0; i < line->options.sockets; i++) {
        struct line_slot *slot = &line->slots[i];
        if (slot->state != SLOT_EMPTY && strcmp(line->chips[slot->chip].name, name) == 0)
            return slot;
    }
    return NULL;
}

/* ---- processes ---- */

static void start(struct line *line, struct line_slot *slot, const char *const *argv,
                  enum line_slot_state state)
{
    const struct line_process_options options = {
        .argv = argv, .has_output = state == SLOT_BOOTING, .error = line->log};
    if (line_process_start(&options, &slot->process) != ERR_OK) {
        line_break(line, "rig-chip cannot be started");
        return;
    }
    slot->state = state;
}

static const char *other_family(const struct line *line)
{
    return strcmp(line->options.product_id, "46201002") == 0 ? "47201003" : "46201002";
}

static void start_making(struct line *line, struct line_slot *slot)
{
    char tool[LINE_PATH_MAX];
    char state[LINE_PATH_MAX + 64];
    char from[LINE_PATH_MAX + 64];
    char other_key[LINE_PATH_MAX + 32];
    const struct line_chip *chip = &line->chips[slot->chip];
    bool is_other_maker = chip->kind == LINE_OTHER_MAKER;
    (void)snprintf(tool, sizeof tool, "%s/rig-chip", line->options.bin);
    (void)snprintf(state, sizeof state, "%s/chips/%s", line->dir, chip->name);
    (void)snprintf(from, sizeof from, "%s/chips/%s", line->dir, line->chips[chip->original].name);
    (void)snprintf(other_key, sizeof other_key, "%s/other-maker.key", line->dir);
    const char *id =
        chip->kind == LINE_OTHER_FAMILY ? other_family(line) : line->options.product_id;
    const char *const clone[] = {tool, "clone", "--from", from, "--state", state, NULL};
    const char *const make[] = {
        tool,           "make",    "--state",
        state,          "--st-ca", is_other_maker ? other_key : line->options.maker_key,
        "--product-id", id,        NULL};
    start(line, slot, chip->kind == LINE_CLONE ? clone : make, SLOT_MAKING);
}

static void start_running(struct line *line, struct line_slot *slot)
{
    char tool[LINE_PATH_MAX];
    char state[LINE_PATH_MAX + 64];
    char cut[NUMBER_SIZE];
    char cut_link[NUMBER_SIZE];
    const struct line_chip *chip = &line->chips[slot->chip];
    (void)snprintf(tool, sizeof tool, "%s/rig-chip", line->options.bin);
    (void)snprintf(state, sizeof state, "%s/chips/%s", line->dir, chip->name);
    (void)snprintf(cut, sizeof cut, "%lu", chip->cut_at_step);
    (void)snprintf(cut_link, sizeof cut_link, "%lu", chip->cut_link_at_step);
    const char *argv[ARGV_MAX] = {tool, "run", "--state", state, "--socket", slot->path};
    size_t count = 6;
    if (chip->cut_at_step > 0) {
        argv[count++] = "--cut-at-step";
        argv[count++] = cut;
    }
    if (chip->cut_link_at_step > 0) {
        argv[count++] = "--cut-link-at-step";
        argv[count++] = cut_link;
    }
    start(line, slot, argv, SLOT_BOOTING);
}

/* ---- a chip comes and goes ---- */

static void seat(struct line *line, struct line_slot *slot, size_t index)
{
    struct line_chip *chip = &line->chips[index];
    unsigned number = (unsigned)(slot - line->slots) + 1;
    *slot = (struct line_slot){.chip = index, .process = LINE_PROCESS_NONE};
    (void)snprintf(slot->path, sizeof slot->path, "%.*s/%02u-%04x.sock",
                   (int)(LINE_SOCKET_MAX - 16), line->socket_dir, number, (unsigned)index);
    chip->fate = LINE_IN_SOCKET;
    line->counts.fates[LINE_IN_SOCKET]++;
    line->counts.fates[LINE_WAITING]--;
    if (chip->is_made)
        start_running(line, slot);
    else
        start_making(line, slot);
}

void line_slot_fill(struct line *line)
{
    size_t chip = 0;
    for (unsigned i = 0; i < line->options.sockets; i++) {
        if (line->is_held || line->is_broken || line->station.process.pid == 0)
            return;
        if (line->slots[i].state != SLOT_EMPTY)
            continue;
        if (!find_next(line, &chip))
            return;
        seat(line, &line->slots[i], chip);
    }
}

void line_slot_empty(struct line *line, struct line_slot *slot)
{
    line_slot_read(line, slot); /* its last words */
    line_process_kill(&slot->process);
    (void)unlink(slot->path);
    slot->state = SLOT_EMPTY;
}

/* ---- what happens in a socket ---- */

/* The power was cut: the same chip in the same socket, with its memory, and no second cut. */
static void power_on_again(struct line *line, struct line_slot *slot)
{
    struct line_chip *chip = &line->chips[slot->chip];
    line->counts.power_cuts++;
    chip->cut_at_step = 0;
    (void)snprintf(slot->step, sizeof slot->step, "%s", "power");
    start_running(line, slot);
}

void line_slot_ended(struct line *line, struct line_slot *slot, int status)
{
    bool is_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool is_cut = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    struct line_chip *chip = &line->chips[slot->chip];
    enum line_slot_state state = slot->state;
    line_slot_read(line, slot);
    line_process_clear(&slot->process);
    if (state == SLOT_MAKING && is_well) {
        chip->is_made = true;
        start_running(line, slot);
    } else if (state != SLOT_MAKING && is_cut && chip->cut_at_step > 0) {
        power_on_again(line, slot);
    } else {
        slot->state = SLOT_EMPTY;
        if (line->is_interrupted)
            return; /* somebody told everybody to end */
        line_break(line, state == SLOT_MAKING ? "%s cannot be made" : "%s ended by itself",
                   chip->name);
    }
}

/* "ready ..." after each boot, "steps N" at each connection's end. */
static void take_chip_line(struct line *line, struct line_slot *slot, const char *text)
{
    static const char steps[] = "steps ";
    struct line_chip *chip = &line->chips[slot->chip];
    if (strncmp(text, "ready", 5) == 0 && slot->state == SLOT_BOOTING) {
        slot->state = SLOT_READY;
        if (!slot->is_announced)
            line_station_announce(line, slot);
    } else if (strncmp(text, steps, sizeof steps - 1) == 0 && chip->cut_link_at_step > 0 &&
               strtoul(text + sizeof steps - 1, NULL, 10) >= chip->cut_link_at_step) {
        line->counts.cable_pulls++;
        chip->cut_link_at_step = 0;
    }
}

/* The chip writes whole short lines, each with one write. */
void line_slot_read(struct line *line, struct line_slot *slot)
{
    char text[1024];
    char *rest = NULL;
    ssize_t n = slot->process.output >= 0 ? read(slot->process.output, text, sizeof text - 1) : -1;
    if (n == 0) { /* the end: SIGCHLD tells the rest */
        (void)close(slot->process.output);
        slot->process.output = -1;
    }
    if (n <= 0)
        return;
    text[n] = '\0';
    for (char *at = strtok_r(text, "\n", &rest); at != NULL; at = strtok_r(NULL, "\n", &rest))
        take_chip_line(line, slot, at);
}
