/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The product in front of an HSM behind a network: SoftHSM, in which each call that works with a
 * key (a wrap, an unwrap, a signature) takes a fixed time, and only so many go on at once
 * (tests/support/hsm_faults.h). Its capacity is known exactly: calls at once / time of one. Two
 * questions: how much of it is used when stations ask as fast as they can, and how long a license
 * takes when half of it is asked for.
 *
 * A setting counts as the HSM's limit, and for hsm_model_utilisation, when its capacity is at most
 * half of what the same programs serve without the model's time on this machine.
 */
#ifndef BENCH_MODEL_H
#define BENCH_MODEL_H

#include <stdbool.h>

#include "report.h"
#include "support/rig.h"

/* Changes the rig's configuration and starts its programs anew. */
void model_run(struct rig *rig, bool is_quick, struct report *report);

#endif
