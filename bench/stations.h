/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Stations that are enrolled at a rig, and devices that come down its line, by the hundred. What
 * cannot be made fails the test. Threads: one thread makes and frees; reading is free.
 */
#ifndef BENCH_STATIONS_H
#define BENCH_STATIONS_H

#include <stddef.h>

#include "support/pki.h"
#include "support/rig.h"

struct stations {
    struct pki **list;
    size_t count;
};

/* Makes that many certificates of the rig's client CA and enrols them as stations "PREFIX-i". */
void stations_enrol(const struct rig *rig, const char *prefix, size_t count,
                    struct stations *ret_stations);
void stations_clear(struct stations *stations);

/* The body of POST /v1/licenses for a device of the rig's product; image NULL is the newest, line
 * NULL is none. The caller frees it. */
char *device_body(const struct rig *rig, const struct pki *device, const char *image,
                  const char *line);

/* Bodies of POST /v1/licenses, each for another genuine device of the rig's product. */
struct devices {
    char **bodies;
    size_t count;
};

void devices_make(const struct rig *rig, const char *prefix, size_t count,
                  struct devices *ret_devices);
void devices_clear(struct devices *devices);

#endif
