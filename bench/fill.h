/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A rig's ledger with many devices in it, made in a fraction of the time that stations would need:
 * by the ledger's own code, so that rows, indexes, journal and tree are what the vault would have
 * written. Keys and licenses are not real: each device's license has the size and the form of the
 * one that the rig's product gave first, with a number in it.
 */
#ifndef BENCH_FILL_H
#define BENCH_FILL_H

#include <stdint.h>

#include "support/rig.h"

/*
 * Adds devices first to first + count - 1 of the rig's product. The vault must not run, and must
 * have issued a license. The caller has seen to the quota. Returns the microseconds that it took;
 * anything that fails fails the test.
 */
int64_t fill_ledger(const struct rig *rig, int64_t first, int64_t count);

#endif
