/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From a firmware file to what the HSM encrypts: the records of an st-sfi image.
 *
 * A file is a flat binary with an address, or knows its addresses: Intel HEX, ELF or S-records,
 * told apart by their first bytes. Pieces of it become areas, the option bytes the last one. The
 * firmware in clear is in memory only, never in a file of ours, and cleansed. Threads: main thread.
 */
#ifndef CLI_FIRMWARE_H
#define CLI_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/failure.h"

#define FIRMWARE_MAX_BYTES ((int64_t)512 * 1024 * 1024)

struct firmware_source {
    const char *path;
    const char *option_bytes; /* the file with the option bytes */
    bool is_flat;
    uint64_t address;       /* of a flat file */
    uint64_t external_from; /* UINT64_MAX: nothing is external flash */
};

/* At its beginning; the fd is the receiver's to close. */
struct firmware_file {
    int fd;
    int64_t size; /* bytes */
};

#define FIRMWARE_RANGES_SHOWN 8

/* What was packed, for the person who gave the addresses. */
struct firmware_summary {
    size_t areas; /* of the image, the option bytes' one as well */
    uint64_t bytes;
    size_t option_bytes;
    size_t range_count; /* segments; the first FIRMWARE_RANGES_SHOWN are kept */
    struct firmware_range {
        uint64_t address;
        uint64_t length;
        bool is_external;
    } ranges[FIRMWARE_RANGES_SHOWN];
};

/* A regular file with something in it. */
enum error firmware_open(const char *path, struct firmware_file *ret_file,
                         struct failure *failure) MUST_USE;

/*
 * The file is memory with the records. ERR_BAD_REQUEST says what is wrong with which file, with the
 * address of the segment when it is about one.
 */
enum error firmware_pack(const struct firmware_source *source, struct firmware_file *ret_file,
                         struct firmware_summary *ret_summary, struct failure *failure) MUST_USE;

#endif
