/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The files of a chip's state folder, and the counting of steps. Owns their descriptors. */
#include "rig/chip/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* The record's file: magic, phase, 3 zeros, length of the options, options, tag, check. */
static const char RECORD_MAGIC[8] = "RIGCHIP1";
#define RECORD_PHASE   8
#define RECORD_LENGTH  12
#define RECORD_OPTIONS 16
#define RECORD_TAG     (RECORD_OPTIONS + CHIP_OPTIONS_MAX_BYTES)
#define RECORD_CHECK   (RECORD_TAG + CHIP_TAG_BYTES)
#define RECORD_BYTES   (RECORD_CHECK + 4)

static const char *const MEMORY_NAMES[CHIP_MEMORIES] = {
    [CHIP_FLASH] = "flash.bin", [CHIP_EXTERNAL] = "external.bin"};
static const uint32_t MEMORY_ADDRESSES[CHIP_MEMORIES] = {
    [CHIP_FLASH] = CHIP_FLASH_ADDRESS, [CHIP_EXTERNAL] = CHIP_EXTERNAL_ADDRESS};

/* ---- power ---- */

void chip_power_step(struct chip_power *power)
{
    if (power->is_off)
        return;
    power->steps++;
    if (power->steps == power->cut_at)
        (void)kill(getpid(), SIGKILL);
    if (power->steps == power->cut_link_at)
        power->is_off = true;
}

/* ---- places ---- */

bool chip_place_find(uint32_t address, uint32_t length, struct chip_place *ret_place)
{
    for (int i = 0; i < CHIP_MEMORIES; i++) {
        uint32_t first = MEMORY_ADDRESSES[i];
        if (address < first || address - first >= CHIP_MEMORY_BYTES)
            continue;
        if (length > CHIP_MEMORY_BYTES - (address - first))
            return false;
        *ret_place = (struct chip_place){.memory = (enum chip_memory)i, .offset = address - first};
        return true;
    }
    return false;
}

/* ---- files ---- */

static int open_file(const char *folder, const char *name, int flags)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, flags | O_CLOEXEC, 0600);
}

static bool write_at(int fd, struct bytes data, off_t offset)
{
    while (data.length > 0) {
        ssize_t n = pwrite(fd, data.data, data.length, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data = bytes_of(data.data + n, data.length - (size_t)n);
        offset += n;
    }
    return true;
}

static bool fill_erased(int fd, size_t length)
{
    uint8_t sector[CHIP_SECTOR_BYTES];
    memset(sector, CHIP_ERASED, sizeof sector);
    for (size_t at = 0; at < length; at += sizeof sector) {
        if (!write_at(fd, bytes_of(sector, sizeof sector), (off_t)at))
            return false;
    }
    return true;
}

/* ---- the record ---- */

/* FNV-1a: finds a torn record; nobody forges one here. */
static uint32_t check_of(const uint8_t *data, size_t length)
{
    uint32_t check = 2166136261U;
    for (size_t i = 0; i < length; i++)
        check = (check ^ data[i]) * 16777619U;
    return check;
}

static void encode_record(const struct chip_record *record, uint8_t out[RECORD_BYTES])
{
    memset(out, 0, RECORD_BYTES);
    memcpy(out, RECORD_MAGIC, sizeof RECORD_MAGIC);
    out[RECORD_PHASE] = (uint8_t)record->phase;
    chip_put_u32(out + RECORD_LENGTH, (uint32_t)record->options_length);
    memcpy(out + RECORD_OPTIONS, record->options, record->options_length);
    memcpy(out + RECORD_TAG, record->tag, CHIP_TAG_BYTES);
    chip_put_u32(out + RECORD_CHECK, check_of(out, RECORD_CHECK));
}

static bool decode_record(const uint8_t in[RECORD_BYTES], struct chip_record *ret_record)
{
    struct chip_record record = {.options_length = chip_get_u32(in + RECORD_LENGTH)};
    if (memcmp(in, RECORD_MAGIC, sizeof RECORD_MAGIC) != 0 || in[RECORD_PHASE] > CHIP_CLOSED ||
        record.options_length > CHIP_OPTIONS_MAX_BYTES ||
        chip_get_u32(in + RECORD_CHECK) != check_of(in, RECORD_CHECK))
        return false;
    record.phase = (enum chip_phase)in[RECORD_PHASE];
    memcpy(record.options, in + RECORD_OPTIONS, record.options_length);
    memcpy(record.tag, in + RECORD_TAG, CHIP_TAG_BYTES);
    *ret_record = record;
    return true;
}

static bool write_record(int fd, const struct chip_record *record)
{
    uint8_t bytes[RECORD_BYTES];
    encode_record(record, bytes);
    bool is_written = pwrite(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes;
    OPENSSL_cleanse(bytes, sizeof bytes);
    return is_written;
}

static bool read_record(int fd, struct chip_record *ret_record)
{
    uint8_t bytes[RECORD_BYTES];
    return pread(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes &&
           decode_record(bytes, ret_record);
}

/* ---- public ---- */

static bool make_file(const char *folder, const char *name, bool is_memory)
{
    static const struct chip_record empty = {.phase = CHIP_OPEN};
    int fd = open_file(folder, name, O_RDWR | O_CREAT | O_EXCL);
    bool is_made =
        fd >= 0 && (is_memory ? fill_erased(fd, CHIP_MEMORY_BYTES) : write_record(fd, &empty));
    if (fd >= 0)
        (void)close(fd);
    return is_made;
}

enum error chip_state_make(const char *folder, struct fault *fault)
{
    if (!make_file(folder, MEMORY_NAMES[CHIP_FLASH], true) ||
        !make_file(folder, MEMORY_NAMES[CHIP_EXTERNAL], true) || !make_file(folder, "state", false))
        return fault_set(fault, ERR_CONFIG, "state-make",
                         "The files of a new chip cannot be made; is there one already?", errno);
    return ERR_OK;
}

enum error chip_state_open(const char *folder, struct chip_power *power, bool is_exclusive,
                           struct chip_state *ret_state, struct fault *fault)
{
    struct chip_state state = {.power = power, .record_file = open_file(folder, "state", O_RDWR)};
    bool is_open = state.record_file >= 0;
    for (int i = 0; i < CHIP_MEMORIES; i++) {
        state.memories[i] = open_file(folder, MEMORY_NAMES[i], O_RDWR);
        is_open = is_open && state.memories[i] >= 0;
    }
    if (is_open && (!is_exclusive || flock(state.record_file, LOCK_EX | LOCK_NB) == 0)) {
        *ret_state = state;
        return ERR_OK;
    }
    int native = errno;
    chip_state_close(&state);
    if (is_open)
        return fault_set(fault, ERR_CONFIG, "chip-runs", "This chip runs already.", native);
    return fault_set(fault, ERR_CONFIG, "no-chip", "There is no chip in this folder.", native);
}

void chip_state_close(struct chip_state *state)
{
    if (state->record_file >= 0)
        (void)close(state->record_file);
    for (int i = 0; i < CHIP_MEMORIES; i++) {
        if (state->memories[i] >= 0)
            (void)close(state->memories[i]);
    }
    OPENSSL_cleanse(&state->record, sizeof state->record);
}

void chip_state_load(struct chip_state *state)
{
    if (!read_record(state->record_file, &state->record))
        state->record = (struct chip_record){.phase = CHIP_INSTALLING};
}

bool chip_state_store(struct chip_state *state, const struct chip_record *record)
{
    chip_power_step(state->power);
    bool is_stored = !state->power->is_off && write_record(state->record_file, record);
    chip_power_step(state->power);
    if (is_stored)
        chip_state_load(state);
    return is_stored && state->record.phase == record->phase;
}

bool chip_state_erase(struct chip_state *state)
{
    uint8_t sector[CHIP_SECTOR_BYTES];
    bool is_erased = true;
    memset(sector, CHIP_ERASED, sizeof sector);
    for (size_t i = 0; i < CHIP_MEMORIES * (size_t)(CHIP_MEMORY_BYTES / CHIP_SECTOR_BYTES); i++) {
        int file = state->memories[i % CHIP_MEMORIES];
        off_t at = (off_t)(i / CHIP_MEMORIES * sizeof sector);
        chip_power_step(state->power);
        is_erased = is_erased && !state->power->is_off &&
                    write_at(file, bytes_of(sector, sizeof sector), at);
    }
    return is_erased;
}

/* A worn-out byte stays as it is when it is erased. */
static void wear_row(const struct chip_state *state, struct chip_place place, size_t length)
{
    static const uint8_t erased = CHIP_ERASED;
    bool is_here = state->is_worn && state->worn.memory == place.memory &&
                   state->worn.offset >= place.offset && state->worn.offset - place.offset < length;
    if (is_here)
        (void)write_at(state->memories[place.memory], bytes_of(&erased, 1), state->worn.offset);
}

static void program_row(struct chip_state *state, struct chip_place place, struct bytes row)
{
    size_t half = row.length / 2;
    int file = state->memories[place.memory];
    chip_power_step(state->power);
    if (!state->power->is_off)
        (void)write_at(file, bytes_of(row.data, half), place.offset);
    chip_power_step(state->power);
    if (!state->power->is_off)
        (void)write_at(file, bytes_of(row.data + half, row.length - half),
                       (off_t)(place.offset + half));
    wear_row(state, place, row.length);
}

void chip_state_program(struct chip_state *state, struct chip_place place, struct bytes content)
{
    while (content.length > 0) {
        size_t room = CHIP_ROW_BYTES - place.offset % CHIP_ROW_BYTES;
        size_t length = content.length < room ? content.length : room;
        program_row(state, place, bytes_of(content.data, length));
        place.offset += (uint32_t)length;
        content = bytes_of(content.data + length, content.length - length);
    }
}

bool chip_state_holds(const struct chip_state *state, struct chip_place place, struct bytes content)
{
    uint8_t row[CHIP_ROW_BYTES];
    bool is_same = true;
    for (size_t at = 0; at < content.length && is_same; at += sizeof row) {
        size_t left = content.length - at;
        size_t length = left < sizeof row ? left : sizeof row;
        struct chip_place here = {.memory = place.memory, .offset = place.offset + (uint32_t)at};
        chip_state_read(state, here, row, length);
        is_same = memcmp(row, content.data + at, length) == 0;
    }
    OPENSSL_cleanse(row, sizeof row);
    return is_same;
}

void chip_state_read(const struct chip_state *state, struct chip_place place, uint8_t *out,
                     size_t length)
{
    ssize_t n = pread(state->memories[place.memory], out, length, place.offset);
    size_t got = n > 0 ? (size_t)n : 0;
    memset(out + got, CHIP_ERASED, length - got);
}
