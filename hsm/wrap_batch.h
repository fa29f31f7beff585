/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A call that asks for many wraps: each becomes a job of its own, and the call is answered when the
 * last of them has an outcome. Internal to hsm/.
 *
 * Order of calls: wrap_batch_new; wrap_batch_get for each place; for each that is a job
 * wrap_batch_note, once, from any thread; wrap_batch_release, once, when all places were gone
 * through. The last of those answers the call and frees the batch. Threads: safe from any thread.
 */
#ifndef HSM_WRAP_BATCH_H
#define HSM_WRAP_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/bytes.h"
#include "core/error.h"
#include "core/rpc_server.h"
#include "hsm.pb-c.h"

struct wrap_batch;

/*
 * Checks each wrap: one that is wrong has its outcome already. Takes the call unless it fails, for
 * lack of memory.
 */
enum error wrap_batch_new(struct rpc_call *call, const Provisiond__HsmWrapBatchRequest *asked,
                          struct wrap_batch **ret_batch) MUST_USE;
size_t wrap_batch_count(const struct wrap_batch *batch);
/* The request of a wrap for a worker, the batch's; false when the wrap was refused. */
bool wrap_batch_get(const struct wrap_batch *batch, size_t place, struct bytes *ret_request);
/* The outcome of a wrap: a fault, or its result. */
void wrap_batch_note(struct wrap_batch *batch, size_t place, const Provisiond__HsmReply *reply);
void wrap_batch_release(struct wrap_batch *batch);

#endif
