/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A rig lifts the limits of provisiond, so that tests need not wait; load meets those of a site. */
#ifndef BENCH_LIMITS_H
#define BENCH_LIMITS_H

#include "support/rig.h"

/* Starts provisiond again with the defaults for connections and requests of one caller. */
void limits_restore(struct rig *rig);

#endif
