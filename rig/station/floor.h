/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The benches of a station: K threads that take seated chips as they come.
 *
 * Order of calls: station_floor_new, station_floor_seat as chips come, station_floor_close when no
 * more will come, wait until station_floor_fd is readable, station_floor_free, which joins the
 * threads. Threads: all calls from one thread.
 */
#ifndef RIG_STATION_FLOOR_H
#define RIG_STATION_FLOOR_H

#include <stdbool.h>

#include "rig/station/install.h"
#include "rig/station/options.h"

#define STATION_SEATS_MAX 4096 /* chips that wait for a bench */

struct station_floor;

/* How many chips ended in which way. */
struct station_tally {
    unsigned long ends[STATION_ENDS];
};

/* options are borrowed. ERR_CONFIG and others with a reason; ERR_CONFLICT: the folder is in use. */
enum error station_floor_new(const struct station_options *options,
                             struct station_floor **ret_floor, struct fault *fault) MUST_USE;
/* False when too many wait. The seat is copied. */
bool station_floor_seat(struct station_floor *floor, const struct station_seat *seat) MUST_USE;
/* No more chips. */
void station_floor_close(struct station_floor *floor);
/* Readable when every bench has ended; for poll(2). */
int station_floor_fd(const struct station_floor *floor);
/* Waits for the benches and frees. */
void station_floor_free(struct station_floor *floor, struct station_tally *ret_tally);

#endif
