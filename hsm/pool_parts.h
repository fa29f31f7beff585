/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the files of the pool share. `lock` guards every field but `queue`, which guards itself;
 * jobs enter the queue under `lock`, so that none slips in after the last worker was lost. Internal
 * to hsm/pool*.c.
 */
#ifndef HSM_POOL_PARTS_H
#define HSM_POOL_PARTS_H

#include <pthread.h>

#include "core/queue.h"
#include "hsm/pool.h"

/* A kind of job of which only so many run at a time. */
struct lane {
    unsigned limit;
    unsigned running; /* queued or with a worker */
    struct queue *parked;
};

struct pool {
    struct queue *queue;
    int token_lock; /* immutable */

    pthread_mutex_t lock;
    pthread_cond_t is_changed;
    bool is_stopping;
    bool is_starting; /* one worker is between its start and ready */
    bool is_failing;  /* the newest start failed or takes long */
    bool is_refused;  /* the PIN: nobody starts any more */
    bool is_known;    /* status was set */
    int backoff_ms;
    deadline_ms not_before;              /* the next start */
    struct fault fault;                  /* why there is no worker */
    char told_reason[FAULT_REASON_SIZE]; /* of the last line about it, and when that was */
    int64_t told_ms;
    unsigned workers;
    unsigned states[KEEPER_STATES];
    unsigned busy;
    uint64_t restarts;
    struct hsm_status status;
    struct lane lanes[JOB_LANES];
};

/* Under the lock: whether a request may wait for a worker. */
bool pool_is_available(const struct pool *pool);
/* Refuses everything that waits. Not under the lock: answering may take as long as a peer likes. */
void pool_drain(struct pool *pool);

#endif
