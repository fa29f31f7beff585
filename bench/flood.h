/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One station floods: many connections with its one key, from its one address, each asking again as
 * soon as it has an answer. Beside it quiet stations ask for one license every so often. Rounds
 * without and with the flood take turns, so that what else happens on this machine falls on both.
 * The flooder is a process of its own and nice to the others, as if it had a computer of its own.
 * The time in which its connections shake hands is counted apart.
 */
#ifndef BENCH_FLOOD_H
#define BENCH_FLOOD_H

#include <stddef.h>

#include "samples.h"
#include "support/rig.h"

/* What the flooder asks for. */
enum flood_kind {
    FLOOD_LICENSES,  /* one device's at a time */
    FLOOD_BATCHES,   /* of FLOOD_BATCH devices */
    FLOOD_MALFORMED, /* bodies of FLOOD_MALFORMED_BYTES that are no JSON at their end only */
    FLOOD_LISTS,     /* the longest page of installs */
    FLOOD_FRESH,     /* licenses, with a new connection for each */
    FLOOD_KINDS
};

#define FLOOD_BATCH           64
#define FLOOD_MALFORMED_BYTES 90000

struct flood {
    enum flood_kind kind;
    size_t rounds; /* with, and as many without */
    size_t quiet_stations;
    size_t round_ms;
    size_t pause_ms; /* between a quiet station's requests */
    size_t connections;
};

struct flood_counts {
    size_t served;       /* 200 and 201 */
    size_t told_to_wait; /* 429 and 503 */
    size_t refused;      /* 400 */
    size_t others;
};

struct flood_result {
    size_t quiet_asked;
    size_t quiet_refused; /* anything but a new license */
    struct samples quiet; /* from when a request was due to its answer */
    struct samples rising;
    struct samples flooded;
    struct flood_counts flooder;
    int64_t quiet_cpu_us; /* that the server's programs used in rounds without the flood */
    int64_t flooded_cpu_us;
};

const char *flood_kind_name(enum flood_kind kind);
/* How many units of quota a run takes at most. */
size_t flood_quota(const struct flood *flood);
/* Free the samples. */
void flood_run(const struct rig *rig, const struct flood *flood, struct flood_result *ret_result);

#endif
