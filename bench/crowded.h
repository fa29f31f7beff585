/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The product in a crowd, by the limits that it has by default: many connections, and floods. */
#ifndef BENCH_CROWDED_H
#define BENCH_CROWDED_H

#include "report.h"
#include "support/rig.h"

void crowded_connections(const struct rig *rig, struct report *report);
void crowded_floods(const struct rig *rig, struct report *report);

#endif
