/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Many stations connected at once, a quarter of them at work: all connect and stay connected; each
 * of the quarter licenses device after device on its connection; then all ask once more on the
 * connection that they have had since the beginning. Who is told to wait (429, 503) asks again a
 * second later, as a station does. One thread.
 */
#ifndef BENCH_MANY_H
#define BENCH_MANY_H

#include <stddef.h>
#include <stdint.h>

#include "samples.h"
#include "support/rig.h"

struct many {
    size_t stations;
    size_t devices_each; /* of each active station */
};

struct many_result {
    size_t active;
    size_t licensed;   /* devices that got a new license */
    size_t waits;      /* answers that said "later" */
    size_t refused;    /* answers of any other kind, in any phase */
    long refusal;      /* the status of the last of them; 0: no answer */
    size_t reconnects; /* requests after the first that needed a new connection */
    int64_t connect_us;
    int64_t license_us;
    int64_t server_cpu_us;   /* of all three programs while the devices were licensed */
    struct samples licenses; /* each from its first request on */
};

/* The rig needs that much quota. Free the samples. */
void many_run(const struct rig *rig, const struct many *many, struct many_result *ret_result);

#endif
