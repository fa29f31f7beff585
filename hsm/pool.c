/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shared state of the keepers. `lock` guards every field but `queue`, which guards itself; jobs
 * enter the queue under `lock`, so that none slips in after the last worker was lost.
 */
#include "hsm/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/crash_point.h"
#include "core/fault_message.h"
#include "core/queue.h"
#include "hsm/hsm_message.h"
#include "hsm/token_lock.h"
#include "hsm/wrap_batch.h"

#define BACKOFF_FIRST_MS 100
#define TELL_EVERY_MS    60000
#define PARKED_MAX       16 /* jobs that wait for a place in their lane */
#define ATTEMPTS_MAX     2

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

/* Refuses everything that waits. Not under the lock: answering may take as long as a peer likes. */
static void drain(struct pool *pool)
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
        drain(pool);
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

static bool is_available(const struct pool *pool)
{
    return !pool->is_stopping && (pool->states[KEEPER_READY] > 0 ||
                                  (pool->states[KEEPER_RETURNING] > 0 && !pool->is_failing));
}

static enum error enter_lane(struct pool *pool, struct job *job, struct fault *fault)
{
    struct lane *lane = &pool->lanes[job->lane];
    if (!is_available(pool)) {
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
    if (is_safe && !is_available(pool))
        why = pool->fault;
    bool is_queued = is_safe && is_available(pool) && queue_push(pool->queue, job);
    (void)pthread_mutex_unlock(&pool->lock);
    if (!is_queued)
        pool_refuse(pool, job, &why);
}

/* ---- starting workers ---- */

/* Under the lock. */
static bool may_start(const struct pool *pool)
{
    return !pool->is_starting && deadline_left_ms(pool->not_before) == 0;
}

bool pool_enter_start(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->is_stopping && (pool->is_refused || !may_start(pool))) {
        struct timespec until = deadline_timespec(pool->not_before);
        if (pool->is_refused || pool->is_starting)
            (void)pthread_cond_wait(&pool->is_changed, &pool->lock);
        else
            (void)pthread_cond_timedwait(&pool->is_changed, &pool->lock, &until);
    }
    bool is_entered = !pool->is_stopping;
    if (is_entered)
        pool->is_starting = true;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_entered;
}

bool pool_try_enter_start(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool is_entered = !pool->is_stopping && !pool->is_refused && may_start(pool);
    if (is_entered)
        pool->is_starting = true;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_entered;
}

/* Under the lock. */
static void note_failed_start(struct pool *pool, enum error result, const struct fault *fault)
{
    pool->is_failing = true;
    if (!pool->is_stopping)
        pool->fault = *fault;
    if (result == ERR_HSM_PIN_REFUSED)
        pool->is_refused = true;
    pool->backoff_ms = pool->backoff_ms == 0 ? BACKOFF_FIRST_MS : 2 * pool->backoff_ms;
    if (pool->backoff_ms > HSM_BACKOFF_MAX_MS)
        pool->backoff_ms = HSM_BACKOFF_MAX_MS;
    pool->not_before = deadline_in(pool->backoff_ms);
}

void pool_leave_start(struct pool *pool, enum error result, const struct fault *fault)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_starting = false;
    if (result == ERR_OK) {
        pool->told_reason[0] = '\0';
        pool->is_failing = false;
        pool->backoff_ms = 0;
        pool->not_before = 0;
    } else {
        note_failed_start(pool, result, fault);
    }
    bool is_over = !is_available(pool);
    (void)pthread_cond_broadcast(&pool->is_changed);
    (void)pthread_mutex_unlock(&pool->lock);
    if (result != ERR_OK && is_over)
        drain(pool);
}

bool pool_is_failing(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool is_failing = pool->is_failing;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_failing;
}

bool pool_is_news(struct pool *pool, const struct fault *fault)
{
    int64_t now_ms = clock_monotonic_ms();
    (void)pthread_mutex_lock(&pool->lock);
    bool is_news =
        strcmp(pool->told_reason, fault->reason) != 0 || now_ms - pool->told_ms >= TELL_EVERY_MS;
    if (is_news) {
        strcpy(pool->told_reason, fault->reason);
        pool->told_ms = now_ms;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return is_news;
}

void pool_report_slow_start(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_failing = true;
    if (!pool->is_stopping)
        (void)fault_set(&pool->fault, ERR_HSM_UNAVAILABLE, "worker-starting",
                        "The token takes long to log in.", 0);
    bool is_over = !is_available(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    if (is_over)
        drain(pool);
}

void pool_change_state(struct pool *pool, enum keeper_state from, enum keeper_state to)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->states[from]--;
    pool->states[to]++;
    pool->restarts += to == KEEPER_RETURNING;
    (void)pthread_mutex_unlock(&pool->lock);
}

void pool_change_busy(struct pool *pool, bool is_busy)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->busy = is_busy ? pool->busy + 1 : pool->busy - 1;
    (void)pthread_mutex_unlock(&pool->lock);
}

/* ---- the token ---- */

void pool_set_status(struct pool *pool, const struct hsm_status *status)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->status = *status;
    pool->is_known = true;
    (void)pthread_mutex_unlock(&pool->lock);
}

void pool_get_serial(struct pool *pool, char ret_serial[HSM_SERIAL_SIZE])
{
    (void)pthread_mutex_lock(&pool->lock);
    strcpy(ret_serial, pool->status.token_serial); /* zeros before the first worker */
    (void)pthread_mutex_unlock(&pool->lock);
}

static bool is_same_weak_key(const struct hsm_weak_key *a, const struct hsm_weak_key *b)
{
    return memcmp(&a->id, &b->id, sizeof a->id) == 0 && strcmp(a->label, b->label) == 0;
}

bool pool_add_weak_key(struct pool *pool, const struct hsm_weak_key *weak)
{
    struct hsm_status *status = &pool->status;
    bool is_new = true;
    (void)pthread_mutex_lock(&pool->lock);
    for (size_t i = 0; i < status->weak_key_count; i++)
        is_new = is_new && !is_same_weak_key(&status->weak_keys[i], weak);
    is_new = is_new && status->weak_key_count < HSM_WEAK_KEYS_MAX;
    if (is_new)
        status->weak_keys[status->weak_key_count++] = *weak;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_new;
}

void pool_set_spkis(struct pool *pool, const struct hsm_spki *checkpoint,
                    const struct hsm_spki *transport)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->status.checkpoint = *checkpoint;
    pool->status.transport = *transport;
    (void)pthread_mutex_unlock(&pool->lock);
}

void pool_forget_transport(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->status.transport.length = 0;
    (void)pthread_mutex_unlock(&pool->lock);
}

void pool_add_successor(struct pool *pool, unsigned generation, const struct hsm_spki *spki)
{
    struct hsm_status *status = &pool->status;
    (void)pthread_mutex_lock(&pool->lock);
    /* The first key has generation 1, and is no successor; one that is known stays. */
    if (generation == status->successor_count + 2 && generation <= HSM_CHECKPOINT_KEYS_MAX)
        status->successors[status->successor_count++] = *spki;
    (void)pthread_mutex_unlock(&pool->lock);
}

enum error pool_get_status(struct pool *pool, struct hsm_status *ret_status, struct fault *fault)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool is_known = pool->is_known && is_available(pool);
    struct hsm_status status = pool->status;
    status.workers_ready = pool->states[KEEPER_READY];
    status.workers_total = pool->workers;
    status.workers_busy = pool->busy;
    status.worker_restarts = pool->restarts;
    struct fault why = pool->fault;
    (void)pthread_mutex_unlock(&pool->lock);
    if (!is_known) {
        *fault = why;
        return why.code;
    }
    *ret_status = status;
    return ERR_OK;
}
