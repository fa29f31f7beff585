/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The product at work: stations with kept connections over mutual TLS, each of which asks for its
 * next devices as soon as it has an answer.
 */
#ifndef BENCH_SERVE_H
#define BENCH_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "samples.h"
#include "stations.h"
#include "support/rig.h"

struct serve {
    const struct rig *rig;
    const struct stations *stations; /* enrolled, one connection each */
    const struct devices *devices;   /* new ones */
    size_t batch;                    /* devices in a request; 1 asks for a single license */
    /* Called after each answer with what was licensed so far, unless NULL; false: nothing more is
     * asked for. */
    bool (*look)(void *context, size_t licensed);
    void *look_context;
};

struct serve_result {
    size_t licensed;
    size_t waits; /* answers that said "later" (429, 503): the station asked again after a second */
    int64_t took_us;
    int64_t cpu_us[RIG_PROGRAMS]; /* of each program with its workers */
    struct samples requests;
};

/* A request that is not answered with its licenses in the end fails the test. Free the samples:
 * they are of the answers with licenses. */
void serve_run(const struct serve *serve, struct serve_result *ret_result);
int64_t serve_cpu_us(const struct serve_result *result);
/* The same per license, and licenses per second. */
double serve_cpu_each_us(const struct serve_result *result);
double serve_per_s(const struct serve_result *result);

#endif
