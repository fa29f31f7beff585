/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a chip keeps without power: two flash memories, and one small record with its phase, its
 * option bytes and the tag of what is installed. And the model of power itself.
 *
 * Power is the life of the process: what was written before a SIGKILL is there at the next start,
 * so nothing is synced. The record is written by one pwrite and carries a check sum; a record that
 * is torn all the same counts as an interrupted install, which erases. Order of calls:
 * chip_state_make once; then chip_state_open, chip_state_load at each boot, chip_state_close.
 * Threads: owned by one thread.
 */
#ifndef RIG_CHIP_STATE_H
#define RIG_CHIP_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"
#include "rig/chip/link.h"

#define CHIP_ROW_BYTES         256     /* that flash is programmed in */
#define CHIP_SECTOR_BYTES      0x10000 /* that flash is erased in */
#define CHIP_ERASED            0xff
#define CHIP_OPTIONS_MAX_BYTES 4096

/*
 * Counts steps: every moment that a power cut could tell from the next. At the cut_at-th (0: never)
 * the process kills itself; at the cut_link_at-th the chip is off until it boots again, and
 * whatever writes while it is off writes nothing.
 */
struct chip_power {
    unsigned long steps;
    unsigned long cut_at;
    unsigned long cut_link_at;
    bool is_off;
};

void chip_power_step(struct chip_power *power);

enum chip_memory { CHIP_FLASH, CHIP_EXTERNAL, CHIP_MEMORIES };

/* A piece of a memory. */
struct chip_place {
    enum chip_memory memory;
    uint32_t offset;
};

struct chip_record {
    enum chip_phase phase;
    uint8_t tag[CHIP_TAG_BYTES]; /* of the installed image; zeros unless closed */
    size_t options_length;
    uint8_t options[CHIP_OPTIONS_MAX_BYTES];
};

struct chip_state {
    struct chip_power *power; /* borrowed */
    bool is_worn;             /* the byte at worn can be erased, but no longer programmed */
    struct chip_place worn;
    struct chip_record record;
    int record_file;
    int memories[CHIP_MEMORIES];
};

/* False when length bytes from address are not all in one memory; length is at least 1. */
bool chip_place_find(uint32_t address, uint32_t length, struct chip_place *ret_place);

/* Makes the files of an empty, open chip in a folder that has none. ERR_CONFIG with errno. */
enum error chip_state_make(const char *folder, struct fault *fault) MUST_USE;

/* Opens the files; is_exclusive: no other process may run this chip. ERR_CONFIG with errno. */
enum error chip_state_open(const char *folder, struct chip_power *power, bool is_exclusive,
                           struct chip_state *ret_state, struct fault *fault) MUST_USE;
void chip_state_close(struct chip_state *state);

/* Reads the record; one that cannot be believed becomes CHIP_INSTALLING. */
void chip_state_load(struct chip_state *state);
/* Writes the record, with a step before and after. False: flash does not hold it. */
bool chip_state_store(struct chip_state *state, const struct chip_record *record) MUST_USE;

/* Erases both memories, a step before each sector. False: something is left. */
bool chip_state_erase(struct chip_state *state) MUST_USE;
/* Programs row by row, with a step before each row and in its middle. */
void chip_state_program(struct chip_state *state, struct chip_place place, struct bytes content);
/* True when the memory holds exactly content there. */
bool chip_state_holds(const struct chip_state *state, struct chip_place place,
                      struct bytes content);
/* Reads length bytes of one memory; what a file lacks reads as erased. */
void chip_state_read(const struct chip_state *state, struct chip_place place, uint8_t *out,
                     size_t length);

#endif
