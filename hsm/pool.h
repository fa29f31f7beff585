/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the keepers of one master share: the queue of jobs, who may start a worker now, and what is
 * known of the token. Internal to hsm/.
 *
 * A job is a validated request that waits for a worker. Some kinds have lanes: key generations run
 * one at a time, so that an id is never made twice; so do the calls that read or write data
 * objects, so that none sees the half of another; encryptions leave one worker free for the short
 * calls when there are several. A checkpoint's signature and the anchor come before all that wait.
 *
 * Only one worker starts at a time (SoftHSM loses its token when two log in together), and the
 * others wait until the first is ready. After a failed start all wait, 100 ms doubling to
 * HSM_BACKOFF_MAX_MS. A refused PIN ends all starting for good.
 *
 * Order of calls: pool_new; the rest from any thread; pool_stop; join the keepers; pool_free.
 * Threads: safe from any thread.
 */
#ifndef HSM_POOL_H
#define HSM_POOL_H

#include <stdbool.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/rpc_server.h"
#include "hsm/hsm_client.h"
#include "hsm.pb-c.h"

#define POOL_QUEUE_MAX 512 /* jobs that may wait; one more is ERR_BUSY */
#define POOL_ROUND_MAX 16  /* jobs that a worker is given at once */

enum job_lane { JOB_CALL, JOB_KEYGEN, JOB_DATA, JOB_ENCRYPT, JOB_LANES };

struct job {
    struct rpc_call *call; /* or, of a batch: */
    struct wrap_batch *batch;
    size_t place;
    struct bytes request; /* as the worker is sent it; of the call or the batch */
    Provisiond__HsmRequest__OpCase operation;
    enum job_lane lane;
    deadline_ms deadline; /* of the whole request; after it nobody waits for the answer */
    unsigned attempts;    /* workers that took it */
};

/* What a keeper can do now. */
enum keeper_state {
    KEEPER_DOWN,
    KEEPER_RETURNING, /* its worker was lost a moment ago, a new one is on its way */
    KEEPER_READY,
    KEEPER_STATES
};

struct pool;
struct wrap_batch;

enum error pool_new(unsigned workers, struct pool **ret_pool) MUST_USE;
/* No new jobs and no new workers; wakes whoever waits. */
void pool_stop(struct pool *pool);
bool pool_is_stopping(struct pool *pool);
/* Of all workers, see token_lock.h; the pool's. */
int pool_token_lock(const struct pool *pool);
/* Answers what is left. NULL is allowed. */
void pool_free(struct pool *pool);

/* ---- jobs ---- */

/* Queues the jobs of a batch, which is answered when the last of them is. Takes the batch. */
void pool_submit_batch(struct pool *pool, struct wrap_batch *batch);
/* Queues a job. ERR_BUSY, ERR_HSM_UNAVAILABLE or ERR_HSM_PIN_REFUSED: call stays the caller's. */
enum error pool_submit(struct pool *pool, struct rpc_call *call,
                       Provisiond__HsmRequest__OpCase operation, struct fault *fault) MUST_USE;
/*
 * The next jobs, or none after wait_ms; a job whose deadline has passed is answered here. Several
 * are calls that wait already, at most max (POOL_ROUND_MAX) of them and no more than one worker's
 * share of all that wait. What was retried comes alone, so that a call that ends its worker takes
 * no other with it twice.
 */
size_t pool_take(struct pool *pool, int wait_ms, struct job **ret_jobs, size_t max) MUST_USE;
/* Answers and frees a job. */
void pool_answer(struct pool *pool, struct job *job, const Provisiond__HsmReply *reply);
void pool_refuse(struct pool *pool, struct job *job, const struct fault *fault);
/* A job whose worker was lost: queued again when that is safe and in time, else refused. */
void pool_retry(struct pool *pool, struct job *job, const struct fault *fault);

/* A fault as the answer to a call that is no job yet. */
void pool_send_fault(struct rpc_call *call, const struct fault *fault);
void pool_send(struct rpc_call *call, const Provisiond__HsmReply *reply);

/* ---- starting workers ---- */

/* Waits until the caller may start a worker; false when nobody may any more (look at stopping). */
bool pool_enter_start(struct pool *pool);
/* The same without a wait. */
bool pool_try_enter_start(struct pool *pool);
/* Ends what the two above began. */
void pool_leave_start(struct pool *pool, enum error result, const struct fault *fault);
/* Whether the newest start failed, or takes long. */
bool pool_is_failing(struct pool *pool);
/* Whether a failed start is worth a line: another reason than the last one had, or a minute ago. */
bool pool_is_news(struct pool *pool, const struct fault *fault);
/* The start under way takes long: requests are refused until it ends. */
void pool_report_slow_start(struct pool *pool);

/* A ready keeper's worker that is lost (to KEEPER_RETURNING) counts as a restart. */
void pool_change_state(struct pool *pool, enum keeper_state from, enum keeper_state to);
/* A keeper's worker has a request now, or has it no more. */
void pool_change_busy(struct pool *pool, bool is_busy);

/* ---- the token ---- */

/* What a worker found at its start. */
void pool_set_status(struct pool *pool, const struct hsm_status *status);
/* The serial number of the token that the newest worker found; "" before the first one. */
void pool_get_serial(struct pool *pool, char ret_serial[HSM_SERIAL_SIZE]);
/* True when the finding is new. */
bool pool_add_weak_key(struct pool *pool, const struct hsm_weak_key *weak);
void pool_set_spkis(struct pool *pool, const struct hsm_spki *checkpoint,
                    const struct hsm_spki *transport);
/* The transport key was destroyed. */
void pool_forget_transport(struct pool *pool);
/* A checkpoint key that was made, when it is the next one. */
void pool_add_successor(struct pool *pool, unsigned generation, const struct hsm_spki *spki);
/* The status with the worker counts, or why there is none. */
enum error pool_get_status(struct pool *pool, struct hsm_status *ret_status,
                           struct fault *fault) MUST_USE;

#endif
