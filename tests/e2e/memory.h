/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether a rig's programs keep memory of what they have answered: they are asked the same in
 * rounds until a round adds nothing. Threads: one thread reads and judges.
 */
#ifndef TESTS_E2E_MEMORY_H
#define TESTS_E2E_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/rig.h"

#define MEMORY_ROUNDS_MAX  10
#define MEMORY_SLACK_BYTES 60
/* SoftHSM 2.6 keeps some 260 bytes of each object that it has destroyed, and a license makes one.
 * What bounds it is that provision-hsm replaces a worker after hsm.recycle_after calls. */
#define MEMORY_SOFTHSM_BYTES 270

/* provision-hsm is two: the master, which loads no module, and its workers, which do. */
enum memory_part { MEMORY_HSM, MEMORY_WORKERS, MEMORY_VAULT, MEMORY_API, MEMORY_PARTS };

/* False when a sanitizer keeps what was freed: it tells of leaks itself when a program stops. */
bool memory_is_measurable(void);

struct memory {
    int64_t bytes[MEMORY_PARTS];
};

/*
 * Before the rig: malloc gets one arena, where each thread would else have one that grows to the
 * largest need that it met, and returns what is large at once, where it would else keep holes.
 */
void memory_set_up(void);

/* Of each part the pages that it has written to and has for itself. */
void memory_read(const struct rig *rig, struct memory *ret_memory);

/* Whether a part has grown by more than so many requests may cost it. */
bool memory_is_grown(const struct memory *before, const struct memory *after, enum memory_part part,
                     size_t requests);

/*
 * Asks in rounds, each of which sends that many requests or more to every part, until two in a row
 * have left each part as large as it was; fails when MEMORY_ROUNDS_MAX were not enough. For each
 * request MEMORY_SLACK_BYTES are allowed, up or down: a part that gives back says nothing. A worker
 * leaks MEMORY_SOFTHSM_BYTES, which is SoftHSM's own.
 */
void memory_expect_flat(const struct rig *rig, size_t requests, void (*ask)(size_t round));

#endif
