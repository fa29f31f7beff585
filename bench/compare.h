/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a license costs, beside the least that it could cost and what others would: in one run, the
 * bare chain before and after the product, because a machine's speed drifts.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include <stdbool.h>

#include "report.h"
#include "support/rig.h"

#define COMPARE_DEVICES       6000 /* of each kind of request; the rig needs quota for twice as many */
#define COMPARE_DEVICES_QUICK 1500

void compare_run(const struct rig *rig, bool is_quick, struct report *report);

#endif
