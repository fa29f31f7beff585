/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* How long a license takes by how many are asked for (open_loop.h), in shares of the most that the
 * service gave when stations asked as fast as they could, a moment before. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>

#include "report.h"
#include "support/rig.h"

void load_run(const struct rig *rig, bool is_quick, struct report *report);

#endif
