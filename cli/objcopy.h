/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * objcopy of binutils, as a child: ELF and S-record files to Intel HEX.
 *
 * It is found in PATH and run without a shell; it sees the input and the output as descriptors and
 * nothing else of ours. It is killed when its time is over. Threads: any one thread.
 */
#ifndef CLI_OBJCOPY_H
#define CLI_OBJCOPY_H

#include "cli/failure.h"

#define OBJCOPY_TIMEOUT_MS 60000

/*
 * Writes what in_fd holds to out_fd as Intel HEX; both are plain files or memory and stay the
 * caller's. name is what the input is called in a failure. ERR_BAD_REQUEST with the first line that
 * objcopy said, or when it took longer than timeout_ms; ERR_CONFIG when it is not installed.
 */
enum error objcopy_to_hex(int in_fd, int out_fd, const char *name, int timeout_ms,
                          struct failure *failure) MUST_USE;

#endif
