/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One thread that looks after things at a steady pace, so that no event loop has to: overdue
 * connections, files that changed.
 *
 * Threads: keeper_new and keeper_free from one thread; look runs on the keeper's own.
 */
#ifndef API_KEEPER_H
#define API_KEEPER_H

#include <stdint.h>

#include "core/error.h"

#define KEEPER_PACE_MS 250

struct keeper;

/* Calls look(context) again and again, each time after as many milliseconds as it said, at most
 * KEEPER_PACE_MS. ERR_INTERNAL: no memory or no thread. */
enum error keeper_new(int64_t (*look)(void *context), void *context,
                      struct keeper **ret_keeper) MUST_USE;
/* Returns when look is not running and will not any more. NULL is allowed. */
void keeper_free(struct keeper *keeper);

#endif
