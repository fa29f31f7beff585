/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which chips come down the line, and what will happen to them: decided before the start, by the
 * seed alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "rig/line/state.h"

#define ROW_BYTES       256 /* that a chip programs at once, in two steps */
#define OTHER_STEPS     60  /* erasing, and what surrounds the programming */
#define KILLS_PER_CHIPS 100 /* one station killed per so many chips */

/* SplitMix64: small, and the same on every machine. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return next_random(state) % limit;
}

/* ---- counts ---- */

struct faults {
    unsigned power_cuts;
    unsigned cable_pulls;
    unsigned kills;
    bool has_strangers; /* the clone and the two foreign chips */
};

static unsigned at_most(unsigned value, unsigned limit)
{
    return value < limit ? value : limit;
}

static struct faults choose_faults(const struct line_options *options)
{
    unsigned count = options->has_demo_faults ? options->chips / 8 + 4 : options->fault_count;
    struct faults faults = {.has_strangers = count > 0};
    if (count == 0)
        return faults;
    faults.kills = at_most(1 + options->chips / KILLS_PER_CHIPS, LINE_KILLS_MAX);
    faults.power_cuts = at_most((count + 1) / 2, options->chips);
    faults.cable_pulls = at_most(count / 2, options->chips - faults.power_cuts);
    return faults;
}

/* ---- chips ---- */

static void set_genuine(struct line *line)
{
    for (size_t i = 0; i < line->options.chips; i++) {
        struct line_chip *chip = &line->chips[i];
        (void)snprintf(chip->name, sizeof chip->name, "chip-%04u", (unsigned)(i + 1) % 10000);
        chip->kind = LINE_GENUINE;
    }
    line->chip_count = line->options.chips;
}

static void add_stranger(struct line *line, const char *name, enum line_kind kind, size_t original)
{
    struct line_chip *chip = &line->chips[line->chip_count++];
    (void)snprintf(chip->name, sizeof chip->name, "%s", name);
    chip->kind = kind;
    chip->original = original;
}

/* A clone comes after its original; the others anywhere, so early that the line goes on behind. */
static void add_strangers(struct line *line, uint64_t *seed)
{
    add_stranger(line, "clone-0001", LINE_CLONE,
                 (size_t)random_below(seed, (line->options.chips + 1) / 2));
    add_stranger(line, "othermaker-0001", LINE_OTHER_MAKER, 0);
    add_stranger(line, "otherfamily-0001", LINE_OTHER_FAMILY, 0);
}

/* The steps that a chip passes while it is installed, roughly. */
static uint64_t steps_of_install(const struct line_options *options)
{
    struct stat info = {.st_size = 0};
    (void)stat(options->firmware, &info);
    return (uint64_t)info.st_size / ROW_BYTES * 2 + OTHER_STEPS;
}

/* A genuine chip that has no fault yet. */
static struct line_chip *pick_chip(struct line *line, uint64_t *seed)
{
    size_t at = (size_t)random_below(seed, line->options.chips);
    while (line->chips[at].cut_at_step != 0 || line->chips[at].cut_link_at_step != 0)
        at = (at + 1) % line->options.chips;
    return &line->chips[at];
}

static void set_faults(struct line *line, const struct faults *faults, uint64_t *seed)
{
    uint64_t steps = steps_of_install(&line->options);
    for (unsigned i = 0; i < faults->power_cuts; i++)
        pick_chip(line, seed)->cut_at_step = 1 + random_below(seed, steps);
    for (unsigned i = 0; i < faults->cable_pulls; i++)
        pick_chip(line, seed)->cut_link_at_step = 1 + random_below(seed, steps);
}

/* Spread over the run: a chip causes about a dozen events. */
static void set_kills(struct line *line, unsigned count, uint64_t *seed)
{
    unsigned long events = (unsigned long)line->options.chips * 12;
    for (unsigned i = 0; i < count; i++) {
        unsigned long share = events * 8 / 10 / count;
        line->kill_at[i] = events / 10 + share * i + (unsigned long)random_below(seed, share + 1);
    }
    line->kill_count = count;
}

enum error line_roster_make(struct line *line)
{
    uint64_t seed = line->options.seed;
    struct faults faults = choose_faults(&line->options);
    line->chips = calloc(line->options.chips + LINE_EXTRAS_MAX, sizeof *line->chips);
    if (line->chips == NULL)
        return ERR_INTERNAL;
    set_genuine(line);
    set_faults(line, &faults, &seed);
    set_kills(line, faults.kills, &seed);
    if (faults.has_strangers)
        add_strangers(line, &seed);
    return ERR_OK;
}
