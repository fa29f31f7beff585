/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What kind of firmware file some bytes are. Threads: pure functions.
 */
#ifndef CLI_FIRMWARE_KIND_H
#define CLI_FIRMWARE_KIND_H

#include <stdbool.h>

#include "core/bytes.h"

enum firmware_kind {
    FIRMWARE_OTHER, /* a flat binary, or nothing that is known here */
    FIRMWARE_ELF,
    FIRMWARE_HEX,
    FIRMWARE_SRECORDS,
    FIRMWARE_SFI /* an image that is encrypted already */
};

/* By the first bytes, which for a file without an address decide how it is read. */
enum firmware_kind firmware_kind_guess(struct bytes content);
/*
 * Surer, for a file that is said to be a flat binary, which may begin with any bytes: Intel HEX
 * from end to end, or a first line that is an S-record with a right checksum; ELF and SFI by their
 * first bytes.
 */
enum firmware_kind firmware_kind_prove(struct bytes content);
/* "an ELF file", for a sentence; not for FIRMWARE_OTHER. */
const char *firmware_kind_name(enum firmware_kind kind);

#endif
