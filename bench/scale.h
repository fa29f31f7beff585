/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How cost grows: with the devices that the ledger has already, with stations at once, with
 * products. Each size of ledger is measured in turns with a rig beside it whose ledger has a
 * thousand, because a machine's speed drifts while ten million are made.
 */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

#include <stdbool.h>

#include "report.h"
#include "support/rig.h"

/* The rig given is that of stations and products. The largest ledger has 10^7 devices and takes
 * about 15 GB in PROVISIOND_TEST_DIR; quick: 10^4. */
void scale_run(struct rig *rig, bool is_quick, struct report *report);

#endif
