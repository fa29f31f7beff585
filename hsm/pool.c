/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A pool's life and its jobs. */
#include "hsm/pool_parts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/crash_point.h"
#include "core/fault_message.h"
#include "hsm/hsm_message.h"
#include "hsm/token_lock.h"
#include "hsm/wrap_batch.h"

#define PARKED_MAX   16 /* jobs that wait for a place in their lane */
#define ATTEMPTS_MAX 2

/* ---- life ---- */

static void init_lock(struct pool *pool)
{
    pthread_condattr_t attributes;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pool->is_changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

enum error pool_new(unsigned workers, struct pool **ret_pool)
{
    struct fault fault;
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return ERR_INTERNAL;
    init_lock(pool);
    pool->token_lock = -1;
    pool->workers = workers;
    pool->states[KEEPER_DOWN] = workers;
    pool->lanes[JOB_CALL].limit = POOL_QUEUE_MAX;
    pool->lanes[JOB_KEYGEN].limit = 1;
    pool->lanes[JOB_DATA].limit = 1;
    pool->lanes[JOB_ENCRYPT].limit = workers > 1 ? workers - 1 : 1;
    (void)fault_set(&pool->fault, ERR_HSM_UNAVAILABLE, "no-worker", "No worker is ready yet.", 0);
    enum error e = token_lock_new(&pool->token_lock, &fault);
    if (e == ERR_OK)
        e = queue_new_for(POOL_QUEUE_MAX, workers, &pool->queue); /* a keeper for each */
    for (int i = 0; i < JOB_LANES && e == ERR_OK; i++)
        e = queue_new(PARKED_MAX, &pool->lanes[i].parked);
    if (e != ERR_OK) {
        pool_free(pool);
        return e;
    }
    *ret_pool = pool;
    return ERR_OK;
}

void pool_stop(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    (void)fault_set(&pool->fault, ERR_HSM_UNAVAILABLE, "stopping", "provision-hsm stops.", 0);
    (void)pthread_cond_broadcast(&pool->is_changed);
    (void)pthread_mutex_unlock(&pool->lock);
    queue_close(pool->queue);
}

int pool_token_lock(const struct pool *pool)
{
    return pool->token_lock;
}

bool pool_is_stopping(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool is_stopping = pool->is_stopping;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_stopping;
}

void pool_drain(struct pool *pool)
{
    struct fault fault;
    struct job *job = NULL;
    (void)pthread_mutex_lock(&pool->lock);
    fault = pool->fault;
    (void)pthread_mutex_unlock(&pool->lock);
    /* Each answer can move a parked job to the queue, so the queue is empty last. */
    while ((job = queue_try_pop(pool->queue)) != NULL)
        pool_refuse(pool, job, &fault);
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    if (pool->queue != NULL)
        pool_drain(pool);
    for (int i = 0; i < JOB_LANES; i++)
        queue_free(pool->lanes[i].parked);
    queue_free(pool->queue);
    if (pool->token_lock >= 0)
        (void)close(pool->token_lock);
    (void)pthread_cond_destroy(&pool->is_changed);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* ---- answering ---- */

void pool_send(struct rpc_call *call, const Provisiond__HsmReply *reply)
{
    size_t length = provisiond__hsm_reply__get_packed_size(reply);
    uint8_t *payload = length > 0 ? malloc(length) : NULL;
    if (payload == NULL) {
        rpc_hang_up(call);
        return;
    }
    provisiond__hsm_reply__pack(reply, payload);
    rpc_reply(call, bytes_of(payload, length), NULL, 0);
    free(payload);
}

void pool_send_fault(struct rpc_call *call, const struct fault *fault)
{
    Provisiond__HsmReply reply = PROVISIOND__HSM_REPLY__INIT;
    Provisiond__FaultMessage message;
    fault_to_message(fault, &message);
    reply.fault = &message;
    pool_send(call, &reply);
}

/* The notary's: all new licenses wait for its anchor in the end, so it waits for none of them. It
 * asks one after the other, and so holds up nobody for long. */
static bool is_urgent(Provisiond__HsmRequest__OpCase operation)
{
    return operation == PROVISIOND__HSM_REQUEST__OP_SIGN_CHECKPOINT ||
           operation == PROVISIOND__HSM_REQUEST__OP_ANCHOR_READ ||
           operation == PROVISIOND__HSM_REQUEST__OP_ANCHOR_WRITE;
}

static bool push(struct queue *queue, struct job *job)
{
    return is_urgent(job->operation) ? queue_push_first(queue, job) : queue_push(queue, job);
}

/* Under the lock: the place of a finished job goes to the oldest one that waits for it. */
static struct job *leave_lane(struct pool *pool, enum job_lane lane)
{
    struct job *next = queue_try_pop(pool->lanes[lane].parked);
    if (next != NULL && push(pool->queue, next))
        return NULL;
    pool->lanes[lane].running--;
    return next; /* cannot be queued: the pool stops, or all is full */
}

static void finish(struct pool *pool, struct job *job)
{
    static const struct fault busy = {
        .code = ERR_BUSY, .reason = "queue-full", .detail = "Too many requests wait."};
    enum job_lane lane = job->lane;
    free(job);
    (void)pthread_mutex_lock(&pool->lock);
    struct job *homeless = leave_lane(pool, lane);
    (void)pthread_mutex_unlock(&pool->lock);
    while (homeless != NULL) {
        pool_send_fault(homeless->call, &busy);
        free(homeless);
        homeless = queue_try_pop(pool->lanes[lane].parked);
    }
}

/* To whoever waits for it: a call, or a batch that has others. */
static void reply_to(const struct job *job, const Provisiond__HsmReply *reply)
{
    if (job->batch != NULL)
        wrap_batch_note(job->batch, job->place, reply);
    else
        pool_send(job->call, reply);
}

static void reply_fault(const struct job *job, const struct fault *fault)
{
    Provisiond__HsmReply reply = PROVISIOND__HSM_REPLY__INIT;
    Provisiond__FaultMessage message;
    fault_to_message(fault, &message);
    reply.fault = &message;
    reply_to(job, &reply);
}

void pool_answer(struct pool *pool, struct job *job, const Provisiond__HsmReply *reply)
{
    if (job->operation == PROVISIOND__HSM_REQUEST__OP_WRAP ||
        job->operation == PROVISIOND__HSM_REQUEST__OP_SEAL)
        crash_point("hsm-master.before-reply");
    reply_to(job, reply);
    finish(pool, job);
}

void pool_refuse(struct pool *pool, struct job *job, const struct fault *fault)
{
    reply_fault(job, fault);
    finish(pool, job);
}

/* ---- queueing ---- */

static enum error enter_lane(struct pool *pool, struct job *job, struct fault *fault)
{
    struct lane *lane = &pool->lanes[job->lane];
    if (!pool_is_available(pool)) {
        *fault = pool->fault;
        return fault->code;
    }
    bool is_running = lane->running < lane->limit;
    if (!push(is_running ? pool->queue : lane->parked, job))
        return fault_set(fault, ERR_BUSY, "queue-full", "Too many requests wait.", 0);
    lane->running += is_running;
    return ERR_OK;
}

static int64_t timeout_of(enum job_lane lane)
{
    static const int64_t timeouts[JOB_LANES] = {[JOB_CALL] = HSM_CALL_TIMEOUT_MS,
                                                [JOB_KEYGEN] = HSM_KEYGEN_TIMEOUT_MS,
                                                [JOB_DATA] = HSM_CALL_TIMEOUT_MS,
                                                [JOB_ENCRYPT] = HSM_ENCRYPT_TIMEOUT_MS};
    return timeouts[lane];
}

static enum job_lane lane_of(Provisiond__HsmRequest__OpCase operation)
{
    switch (operation) {
    case PROVISIOND__HSM_REQUEST__OP_INIT:
    case PROVISIOND__HSM_REQUEST__OP_GENERATE_FIRMWARE_KEY:
    case PROVISIOND__HSM_REQUEST__OP_DESTROY_FIRMWARE_KEY:
    case PROVISIOND__HSM_REQUEST__OP_ROTATE_CHECKPOINT_KEY:
    case PROVISIOND__HSM_REQUEST__OP_DESTROY_KEYS:
        return JOB_KEYGEN;
    case PROVISIOND__HSM_REQUEST__OP_ANCHOR_READ:
    case PROVISIOND__HSM_REQUEST__OP_ANCHOR_WRITE:
    case PROVISIOND__HSM_REQUEST__OP_AUTHORITY_LIST:
    case PROVISIOND__HSM_REQUEST__OP_AUTHORITY_READ:
    case PROVISIOND__HSM_REQUEST__OP_AUTHORITY_WRITE:
        return JOB_DATA;
    case PROVISIOND__HSM_REQUEST__OP_ENCRYPT:
        return JOB_ENCRYPT;
    default:
        return JOB_CALL;
    }
}

/* Takes a copy. */
static enum error submit(struct pool *pool, const struct job *wanted, struct fault *fault)
{
    struct job *job = malloc(sizeof *job);
    if (job == NULL)
        return fault_set(fault, ERR_BUSY, "memory", "Out of memory.", 0);
    *job = *wanted;
    job->deadline = deadline_in(timeout_of(job->lane));
    (void)pthread_mutex_lock(&pool->lock);
    enum error e = enter_lane(pool, job, fault);
    (void)pthread_mutex_unlock(&pool->lock);
    if (e != ERR_OK)
        free(job);
    return e;
}

enum error pool_submit(struct pool *pool, struct rpc_call *call,
                       Provisiond__HsmRequest__OpCase operation, struct fault *fault)
{
    const struct job job = {.call = call,
                            .request = rpc_call_request(call),
                            .operation = operation,
                            .lane = lane_of(operation)};
    return submit(pool, &job, fault);
}

void pool_submit_batch(struct pool *pool, struct wrap_batch *batch)
{
    for (size_t i = 0; i < wrap_batch_count(batch); i++) {
        struct job wanted = {.batch = batch, .place = i, .lane = JOB_CALL};
        struct fault fault;
        if (!wrap_batch_get(batch, i, &wanted.request))
            continue;
        wanted.operation = PROVISIOND__HSM_REQUEST__OP_WRAP;
        if (submit(pool, &wanted, &fault) != ERR_OK)
            reply_fault(&wanted, &fault);
    }
    wrap_batch_release(batch);
}

/* A call that waits with others of its kind. */
static bool is_plain_call(const void *item)
{
    const struct job *job = item;
    return job->lane == JOB_CALL && job->attempts == 0;
}

static size_t ready_workers(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    size_t ready = pool->states[KEEPER_READY];
    (void)pthread_mutex_unlock(&pool->lock);
    return ready > 0 ? ready : 1;
}

/* Keeps those whose deadline has not passed, in their order. */
static size_t refuse_late(struct pool *pool, struct job **jobs, size_t count)
{
    static const struct fault late = {.code = ERR_TIMEOUT,
                                      .reason = "queue-deadline",
                                      .detail = "The request waited too long for a worker."};
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (deadline_left_ms(jobs[i]->deadline) > 0)
            jobs[kept++] = jobs[i];
        else
            pool_refuse(pool, jobs[i], &late);
    }
    return kept;
}

size_t pool_take(struct pool *pool, int wait_ms, struct job **ret_jobs, size_t max)
{
    void *more[POOL_ROUND_MAX];
    size_t count = 0;
    ret_jobs[0] = queue_pop(pool->queue, deadline_in(wait_ms));
    if (ret_jobs[0] == NULL)
        return 0;
    if (max > 1 && is_plain_call(ret_jobs[0]))
        count = queue_try_pop_some(pool->queue, is_plain_call, ready_workers(pool), more, max - 1);
    for (size_t i = 0; i < count; i++)
        ret_jobs[1 + i] = more[i];
    return refuse_late(pool, ret_jobs, 1 + count);
}

void pool_retry(struct pool *pool, struct job *job, const struct fault *fault)
{
    /* An encryption that began has moved its file's offset and drawn its IV: only the asking side
     * may repeat it. Everything else leaves nothing behind or finds what it made. */
    unsigned attempts_max = job->lane == JOB_ENCRYPT ? 1 : ATTEMPTS_MAX;
    bool is_safe = job->attempts < attempts_max && deadline_left_ms(job->deadline) > 0;
    struct fault why = *fault;
    (void)pthread_mutex_lock(&pool->lock);
    if (is_safe && !pool_is_available(pool))
        why = pool->fault;
    bool is_queued = is_safe && pool_is_available(pool) && queue_push(pool->queue, job);
    (void)pthread_mutex_unlock(&pool->lock);
    if (!is_queued)
        pool_refuse(pool, job, &why);
}
