/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The firmware that image encrypt and image seal are given: --format, and with st-sfi the options
 * that say where it goes. Threads: main thread.
 */
#ifndef CLI_FIRMWARE_LINE_H
#define CLI_FIRMWARE_LINE_H

#include "cli/arguments.h"
#include "cli/firmware.h"

/* --format, or the default. */
const char *firmware_line_format(const struct arguments *arguments);
/* The first operand, as it is or packed into records, whose summary goes to standard error. A usage
 * failure for an unknown format, or options that do not fit it; and as firmware_open and
 * firmware_pack. */
enum error firmware_line_open(const struct arguments *arguments, struct firmware_file *ret_file,
                              struct failure *failure) MUST_USE;

#endif
