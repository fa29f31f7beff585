/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The options of rig-station. Threads: immutable after station_options_read. */
#ifndef RIG_STATION_OPTIONS_H
#define RIG_STATION_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "rig/station/rest.h"

#define STATION_SOCKETS_MAX 256
#define STATION_TRIES_MAX   100

struct station_options {
    struct station_rest_options rest; /* texts of argv */
    const char *product;
    const char *work;
    bool has_image; /* false: latest */
    struct sha256 image;
    unsigned sockets;
    unsigned tries;
    unsigned long die_at_step; /* 0: never */
};

/* False after a complaint on standard error. */
bool station_options_read(int argc, char **argv, struct station_options *ret_options);

#endif
