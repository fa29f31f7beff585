/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory of all programs over a million licenses, in batches. Modules leak (SoftHSM some 250 bytes
 * per license), and provision-hsm replaces a worker that has grown, so a single look shows where in
 * such a cycle the workers happen to be: what is compared is the mean of many looks, in the second
 * hundred thousand licenses and in the tenth.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdbool.h>

#include "report.h"
#include "support/rig.h"

/* quick: a few thousand licenses, and no growth is reported. */
void memory_run(const struct rig *rig, bool is_quick, struct report *report);

#endif
