/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What ends a station: the wish to stop, and the step at which a test wants it to die.
 *
 * The wish (SIGTERM, SIGINT) is seen between two frames and ends every wait. A step is passed
 * before and after each REST call, each kept file and each command to a chip; at the chosen one the
 * process kills itself as a power cut would. One per process; threads: safe from any.
 */
#ifndef RIG_STATION_CONTROL_H
#define RIG_STATION_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

/* Before any thread. die_at_step 0: never. */
enum error station_control_init(unsigned long die_at_step) MUST_USE;

void station_control_stop(void);
bool station_control_is_stopping(void);
/* Readable once the station shall stop; for poll(2). */
int station_control_fd(void);
/* Waits; false, at once, when the station shall stop. */
bool station_control_pause(int64_t pause_ms);

void station_control_step(void);
unsigned long station_control_steps(void);

#endif
