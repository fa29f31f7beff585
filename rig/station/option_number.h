/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Numbers on a command line of the rig. Threads: pure functions. */
#ifndef RIG_OPTION_NUMBER_H
#define RIG_OPTION_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads digits between min and max into *number, which stays as it is when text is NULL. False for
 * anything else.
 */
bool option_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

#endif
