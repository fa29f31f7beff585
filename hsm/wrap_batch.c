/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Each entry is written by one thread before it counts down; the last one reads them all. */
#include "hsm/wrap_batch.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/fault_message.h"
#include "hsm/hsm_message.h"
#include "hsm/hsm_request.h"
#include "hsm/pool.h"

struct entry {
    struct bytes request; /* in packed; empty when it was refused */
    struct fault fault;
    struct hsm_wrapped wrapped;
    Provisiond__FaultMessage fault_message;
    Provisiond__HsmWrapReply wrap_message;
    Provisiond__HsmWrapOutcome outcome;
};

struct wrap_batch {
    struct rpc_call *call;
    uint8_t *packed;    /* owned */
    atomic_size_t open; /* outcomes to come, and the release */
    size_t count;
    Provisiond__HsmWrapOutcome *outcomes[HSM_WRAPS_MAX];
    struct entry entries[];
};

/* ---- what is asked ---- */

static Provisiond__HsmRequest request_of(Provisiond__HsmWrapRequest *wrap)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_WRAP;
    request.wrap = wrap;
    return request;
}

/* Sets the faults; the result is how many bytes the requests have that go on. */
static size_t check_all(struct wrap_batch *batch, const Provisiond__HsmWrapBatchRequest *asked)
{
    size_t length = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (hsm_request_check_wrap(asked->wraps[i], &batch->entries[i].fault) != ERR_OK)
            continue;
        const Provisiond__HsmRequest request = request_of(asked->wraps[i]);
        length += provisiond__hsm_request__get_packed_size(&request);
        batch->open++;
    }
    return length;
}

static bool pack_all(struct wrap_batch *batch, const Provisiond__HsmWrapBatchRequest *asked,
                     size_t length)
{
    batch->packed = malloc(length + 1);
    if (batch->packed == NULL)
        return false;
    uint8_t *out = batch->packed;
    for (size_t i = 0; i < batch->count; i++) {
        struct entry *entry = &batch->entries[i];
        if (entry->fault.code != ERR_OK)
            continue;
        const Provisiond__HsmRequest request = request_of(asked->wraps[i]);
        entry->request = bytes_of(out, provisiond__hsm_request__pack(&request, out));
        out += entry->request.length;
    }
    return true;
}

static void batch_free(struct wrap_batch *batch)
{
    free(batch->packed);
    free(batch);
}

enum error wrap_batch_new(struct rpc_call *call, const Provisiond__HsmWrapBatchRequest *asked,
                          struct wrap_batch **ret_batch)
{
    struct wrap_batch *batch = calloc(1, sizeof *batch + asked->n_wraps * sizeof batch->entries[0]);
    if (batch == NULL)
        return ERR_INTERNAL;
    batch->call = call;
    batch->count = asked->n_wraps;
    atomic_init(&batch->open, 1);
    if (!pack_all(batch, asked, check_all(batch, asked))) {
        batch_free(batch);
        return ERR_INTERNAL;
    }
    *ret_batch = batch;
    return ERR_OK;
}

size_t wrap_batch_count(const struct wrap_batch *batch)
{
    return batch->count;
}

bool wrap_batch_get(const struct wrap_batch *batch, size_t place, struct bytes *ret_request)
{
    *ret_request = batch->entries[place].request;
    return ret_request->length > 0;
}

/* ---- what comes of it ---- */

static void answer(struct wrap_batch *batch)
{
    Provisiond__HsmReply reply = PROVISIOND__HSM_REPLY__INIT;
    Provisiond__HsmWrapBatchReply result = PROVISIOND__HSM_WRAP_BATCH_REPLY__INIT;
    for (size_t i = 0; i < batch->count; i++) {
        struct entry *entry = &batch->entries[i];
        provisiond__hsm_wrap_outcome__init(&entry->outcome);
        if (entry->fault.code != ERR_OK) {
            fault_to_message(&entry->fault, &entry->fault_message);
            entry->outcome.fault = &entry->fault_message;
        } else {
            hsm_wrapped_to_message(&entry->wrapped, &entry->wrap_message);
            entry->outcome.wrap = &entry->wrap_message;
        }
        batch->outcomes[i] = &entry->outcome;
    }
    result.n_outcomes = batch->count;
    result.outcomes = batch->outcomes;
    reply.result_case = PROVISIOND__HSM_REPLY__RESULT_WRAP_BATCH;
    reply.wrap_batch = &result;
    pool_send(batch->call, &reply);
}

void wrap_batch_release(struct wrap_batch *batch)
{
    if (atomic_fetch_sub(&batch->open, 1) != 1)
        return;
    answer(batch);
    batch_free(batch);
}

void wrap_batch_note(struct wrap_batch *batch, size_t place, const Provisiond__HsmReply *reply)
{
    struct entry *entry = &batch->entries[place];
    if (fault_from_message(reply->fault, &entry->fault) == ERR_OK &&
        (reply->result_case != PROVISIOND__HSM_REPLY__RESULT_WRAP ||
         !hsm_wrapped_from_message(reply->wrap, &entry->wrapped)))
        (void)fault_set(&entry->fault, ERR_INTERNAL, "worker-answer", "A worker spoke nonsense.",
                        0);
    wrap_batch_release(batch);
}
