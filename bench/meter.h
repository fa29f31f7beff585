/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a rig's programs have used so far, out of /proc; and what its token can do at best. */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdint.h>

#include "support/rig.h"

/* CPU time of the three programs and the HSM workers, also of those that were replaced. */
int64_t meter_cpu_us(const struct rig *rig);
/* Of one of them. */
int64_t meter_program_cpu_us(const struct rig *rig, enum rig_program program);
/* Of any process and its children. */
int64_t meter_process_cpu_us(pid_t pid);
/* Memory (PSS) of a program and its workers. */
int64_t meter_program_pss_bytes(const struct rig *rig, enum rig_program program);

/*
 * Wraps of an AES-256 key under another per second, by one session of this process that does
 * nothing else: no server over this token can be faster per worker. Loads the module: once per
 * process, and nothing else of this process may use it.
 */
double meter_bare_wraps_per_s(const struct rig *rig);

#endif
