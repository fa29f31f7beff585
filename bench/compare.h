/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a license costs, beside the least that it could cost and what others would: one run, one
 * table, ratios first. Numbers of a machine are worth what the machine is; ratios travel.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include <stdbool.h>

#include "support/rig.h"

#define COMPARE_DEVICES       6000 /* of each kind of request; the rig needs quota for twice as many */
#define COMPARE_DEVICES_QUICK 1500

/* json_path NULL: only the table. What was not measured is null there. */
void compare_run(const struct rig *rig, bool is_quick, const char *json_path);

#endif
