/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the keeper share. Internal to hsm/keeper*.c. */
#ifndef HSM_KEEPER_PARTS_H
#define HSM_KEEPER_PARTS_H

#include <pthread.h>

#include "hsm/keeper.h"
#include "hsm/worker_process.h"
#include "hsm/worker_start.h"
#include "worker.pb-c.h"

#define KEEPER_SLICE_MS 50 /* how late a stop is noticed */

enum outcome {
    ANSWERED,
    HUNG,    /* no answer until the deadline */
    CRASHED, /* the process ended, or spoke nonsense */
    UNFIT    /* it answered that its session is lost */
};

/* Requests that a worker is sent together and answers in their order. */
struct round {
    struct worker_request requests[POOL_ROUND_MAX];
    Provisiond__HsmRequest__OpCase operations[POOL_ROUND_MAX];
    size_t count;
    enum job_lane lane; /* of all of them */
};

struct keeper {
    struct keeper_options options;
    pthread_t thread;
    struct worker_process worker; /* ready when pid is not 0 */
    struct worker_start start;    /* of the worker, or of its successor */
    unsigned calls;               /* of the present worker */
    uint64_t first_kib;           /* its memory at its first answer; 0 before */
    uint64_t peak_kib;
    int64_t call_us; /* what a call took in the newest round; 0 before */
    int64_t checked_ms;
};

/* Waits for the answer at a place of the round. The caller frees *ret_answer, which is NULL when
 * there is none. */
enum outcome keeper_take_answer(struct keeper *keeper, const struct round *round, size_t place,
                                Provisiond__WorkerAnswer **ret_answer);
/* NULL is allowed. */
void keeper_free_answer(Provisiond__WorkerAnswer *answer);
/* What the master learns from an answer as it passes. */
void keeper_learn(struct keeper *keeper, const Provisiond__WorkerAnswer *answer);

#endif
