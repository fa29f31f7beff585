/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests that come when they come, however late the answers to those before them are: what a
 * caller waits for counts from when the request was due, not from when somebody was free to send
 * it. Who is told to wait (429, 503) asks again a second later, and still counts from the
 * beginning. One thread.
 */
#ifndef BENCH_OPEN_LOOP_H
#define BENCH_OPEN_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "samples.h"
#include "stations.h"
#include "support/rig.h"

struct open_loop {
    const struct rig *rig;
    const struct stations *stations; /* a connection each, made before the first request is due */
    const struct devices *devices;   /* new ones: a request each */
    double per_s;
};

struct open_loop_result {
    int64_t took_us;        /* from the first arrival to the last answer */
    size_t waits;           /* answers that said "later" */
    struct samples samples; /* of each license, from when it was due */
};

/* A request without a license in the end fails the test. Free the samples. */
void open_loop_run(const struct open_loop *loop, struct open_loop_result *ret_result);

#endif
