/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The bare chain: the least that a license can cost on this machine and token, as the yardstick for
 * what the product adds. Processes without a network, a protocol or a policy do for each device
 * only this: parse and verify its certificate, make an ephemeral key, agree (ECDH), derive the KEK
 * (X9.63, SHA-256), import it, wrap the session key with it (AES-KW), destroy it, and keep a row in
 * SQLite that survives a power cut, BARE_GROUP rows in one commit.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stddef.h>
#include <stdint.h>

#include "stations.h"
#include "support/rig.h"

#define BARE_GROUP         32
#define BARE_PROCESSES_MAX 8

struct bare {
    const struct rig *rig;
    const struct devices *devices;
    size_t processes; /* as many as the rig has HSM workers */
};

struct bare_result {
    size_t licensed;
    int64_t took_us; /* until the last process had done its share */
    int64_t cpu_us;  /* of all processes, without their start */
};

/* Anything that fails fails the test. */
void bare_run(const struct bare *bare, struct bare_result *ret_result);

#endif
