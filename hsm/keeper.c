/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One worker's life, seen from the master. A struct keeper is owned by its own thread; what keepers
 * share is in the pool.
 */
#include "hsm/keeper_parts.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "core/fault_message.h"
#include "core/log.h"
#include "hsm/ckr.h"

#define START_GRACE_MS 1000 /* how long requests wait for a lost worker's successor */
#define CHECK_MS       1000 /* between two questions whether the token is still there */
#define IDLE_MS        250  /* how late an idle worker's death is noticed */
#define KIB_PER_MIB    1024
#define ROUND_US       5000 /* what a round of more than one call may take */

/* ---- starting ---- */

static enum error await_ready(struct keeper *keeper, struct fault *fault)
{
    deadline_ms grace = deadline_in(START_GRACE_MS);
    bool is_slow = false;
    for (;;) {
        enum error e = worker_start_check(&keeper->options, &keeper->start, KEEPER_SLICE_MS,
                                          &keeper->worker, fault);
        if (e != ERR_TIMEOUT)
            return e;
        /* Not in the middle of its login: SoftHSM would lose its token. */
        if (pool_is_stopping(keeper->options.pool) && !keeper->start.worker.is_logging_in) {
            worker_start_end(&keeper->start);
            return fault_set(fault, ERR_HSM_UNAVAILABLE, "stopping", "provision-hsm stops.", 0);
        }
        if (!is_slow && deadline_left_ms(grace) == 0) {
            is_slow = true;
            pool_report_slow_start(keeper->options.pool);
        }
    }
}

static void begin_service(struct keeper *keeper)
{
    keeper->calls = 0;
    keeper->first_kib = keeper->peak_kib = 0;
    keeper->call_us = 0;
    keeper->checked_ms = clock_monotonic_ms();
    log_event(LOG_LEVEL_INFO, "hsm-worker-ready", LOG_NUMBER("pid", keeper->worker.pid));
}

/* False when the pool stops or the start failed; a failed start has set the pool's back-off. */
static bool hire(struct keeper *keeper, enum keeper_state *state)
{
    struct fault fault = {0};
    if (!pool_enter_start(keeper->options.pool))
        return false;
    enum error e = worker_start_begin(&keeper->options, &keeper->start, &fault);
    if (e == ERR_OK)
        e = await_ready(keeper, &fault);
    enum keeper_state next = e == ERR_OK ? KEEPER_READY : KEEPER_DOWN;
    pool_change_state(keeper->options.pool, *state, next);
    *state = next;
    pool_leave_start(keeper->options.pool, e, &fault);
    if (e == ERR_OK)
        begin_service(keeper);
    return e == ERR_OK;
}

/* ---- recycling: the successor starts while the present worker serves ---- */

static bool is_worn(const struct keeper *keeper)
{
    uint64_t grown_kib = keeper->peak_kib - keeper->first_kib;
    return keeper->calls >= keeper->options.config->recycle_after ||
           grown_kib >= (uint64_t)keeper->options.config->recycle_mb * KIB_PER_MIB;
}

static void begin_recycling(struct keeper *keeper)
{
    struct fault fault = {0};
    if (!is_worn(keeper) || worker_start_is_active(&keeper->start) ||
        !pool_try_enter_start(keeper->options.pool))
        return;
    enum error e = worker_start_begin(&keeper->options, &keeper->start, &fault);
    if (e != ERR_OK)
        pool_leave_start(keeper->options.pool, e, &fault);
}

static void advance_recycling(struct keeper *keeper, int wait_ms)
{
    struct fault fault = {0};
    struct worker_process successor;
    if (!worker_start_is_active(&keeper->start))
        return;
    enum error e =
        worker_start_check(&keeper->options, &keeper->start, wait_ms, &successor, &fault);
    if (e == ERR_TIMEOUT)
        return;
    pool_leave_start(keeper->options.pool, e, &fault);
    if (e != ERR_OK)
        return; /* the present worker serves on; the next try is after the back-off */
    log_event(LOG_LEVEL_INFO, "hsm-worker-recycled", LOG_NUMBER("pid", keeper->worker.pid),
              LOG_NUMBER("calls", keeper->calls),
              LOG_NUMBER("grown_kib", (int64_t)(keeper->peak_kib - keeper->first_kib)));
    worker_process_end(&keeper->worker);
    keeper->worker = successor;
    begin_service(keeper);
}

static void abandon_recycling(struct keeper *keeper)
{
    static const struct fault lost = {.code = ERR_HSM_UNAVAILABLE,
                                      .reason = "worker-lost",
                                      .detail = "A worker was lost while its successor started."};
    if (!worker_start_is_active(&keeper->start))
        return;
    worker_start_end(&keeper->start);
    pool_leave_start(keeper->options.pool, ERR_HSM_UNAVAILABLE, &lost);
}

/* ---- a worker that is lost ---- */

static void set_loss(enum outcome outcome, const Provisiond__WorkerAnswer *answer,
                     struct fault *fault)
{
    if (outcome == UNFIT && fault_from_message(answer->reply->fault, fault) != ERR_OK)
        return;
    if (outcome == HUNG)
        (void)fault_set(fault, ERR_HSM_UNAVAILABLE, "worker-hung",
                        "The HSM did not answer in time; the worker was replaced.", 0);
    else
        (void)fault_set(fault, ERR_HSM_UNAVAILABLE, "worker-crashed",
                        "A worker ended while it was busy and was replaced.", 0);
}

static void log_loss(pid_t pid, int wait_status, const struct fault *fault)
{
    log_event(LOG_LEVEL_WARNING, "hsm-worker-lost", LOG_NUMBER("pid", pid),
              LOG_TEXT("reason", fault->reason), LOG_NUMBER("native", fault->native),
              LOG_TEXT("ckr", fault->native != 0 ? ckr_name((unsigned long)fault->native) : ""),
              LOG_NUMBER("signal", WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0));
}

static void lose_worker(struct keeper *keeper, enum keeper_state *state, const struct fault *fault)
{
    pid_t pid = keeper->worker.pid;
    log_loss(pid, worker_process_kill(&keeper->worker), fault);
    pool_change_state(keeper->options.pool, *state, KEEPER_RETURNING);
    *state = KEEPER_RETURNING;
    abandon_recycling(keeper);
}

/* ---- rounds ---- */

/* Answers the jobs in their order; the result is how many. The rest is lost with the worker, whose
 * loss is told to whoever cannot be helped by another one. */
static size_t answer_jobs(struct keeper *keeper, const struct round *round, struct job **jobs,
                          struct fault *ret_loss)
{
    for (size_t i = 0; i < round->count; i++) {
        Provisiond__WorkerAnswer *answer = NULL;
        enum outcome outcome = keeper_take_answer(keeper, round, i, &answer);
        if (answer != NULL)
            keeper_learn(keeper, answer);
        if (outcome == ANSWERED)
            pool_answer(keeper->options.pool, jobs[i], answer->reply);
        else
            set_loss(outcome, answer, ret_loss);
        keeper_free_answer(answer);
        if (outcome != ANSWERED)
            return i;
    }
    return round->count;
}

static void begin_round(struct keeper *keeper, struct job **jobs, size_t count,
                        struct round *ret_round)
{
    *ret_round = (struct round){.count = count, .lane = jobs[0]->lane};
    for (size_t i = 0; i < count; i++) {
        struct worker_request *request = &ret_round->requests[i];
        request->payload = jobs[i]->request;
        if (jobs[i]->lane == JOB_ENCRYPT)
            request->fds = rpc_call_fds(jobs[i]->call, &request->fd_count);
        ret_round->operations[i] = jobs[i]->operation;
        jobs[i]->attempts++;
    }
    keeper->calls += (unsigned)count;
}

static void note_speed(struct keeper *keeper, size_t count, int64_t took_us)
{
    keeper->call_us = took_us / (int64_t)count + 1;
}

static void run_round(struct keeper *keeper, struct job **jobs, size_t count,
                      enum keeper_state *state)
{
    struct round round;
    struct fault loss = {0};
    size_t done = 0;
    /* An encryption may take an hour, and nobody else can start a worker meanwhile. */
    while (jobs[0]->lane == JOB_ENCRYPT && worker_start_is_active(&keeper->start))
        advance_recycling(keeper, KEEPER_SLICE_MS);
    begin_round(keeper, jobs, count, &round);
    pool_change_busy(keeper->options.pool, true);
    int64_t began_us = clock_monotonic_us();
    if (worker_process_send(&keeper->worker, round.requests, count) == ERR_OK)
        done = answer_jobs(keeper, &round, jobs, &loss);
    else
        set_loss(CRASHED, NULL, &loss);
    pool_change_busy(keeper->options.pool, false);
    note_speed(keeper, count, clock_monotonic_us() - began_us);
    if (done < count)
        lose_worker(keeper, state, &loss); /* first, so that the pool knows who is there */
    for (size_t i = done; i < count; i++) {
        if (i > done)
            jobs[i]->attempts--; /* the worker had not come to it */
        pool_retry(keeper->options.pool, jobs[i], &loss);
    }
}

/* Asks the worker, at most once a second, whether the token is still the one it logged in to. */
static void check_worker(struct keeper *keeper, enum keeper_state *state)
{
    /* An HsmRequest with an empty HsmStatusRequest: field 1, length 0. */
    static const uint8_t status_request[] = {0x0a, 0x00};
    const struct round round = {
        .requests = {{.payload = bytes_of(status_request, sizeof status_request)}},
        .operations = {PROVISIOND__HSM_REQUEST__OP_STATUS},
        .count = 1,
        .lane = JOB_CALL};
    struct fault loss = {0};
    Provisiond__WorkerAnswer *answer = NULL;
    enum outcome outcome = CRASHED;
    if (clock_monotonic_ms() - keeper->checked_ms < CHECK_MS)
        return;
    if (worker_process_send(&keeper->worker, round.requests, round.count) == ERR_OK)
        outcome = keeper_take_answer(keeper, &round, 0, &answer);
    if (outcome != ANSWERED) {
        set_loss(outcome, answer, &loss);
        lose_worker(keeper, state, &loss);
    }
    keeper_free_answer(answer);
    keeper->checked_ms = clock_monotonic_ms();
}

/* ---- the thread ---- */

static const struct fault GONE = {.code = ERR_HSM_UNAVAILABLE,
                                  .reason = "worker-crashed",
                                  .detail = "A worker ended while it was idle."};

static void check_process(struct keeper *keeper, enum keeper_state *state)
{
    if (!worker_process_is_alive(&keeper->worker))
        lose_worker(keeper, state, &GONE);
}

/* As many calls as the worker does in a moment, by its own speed: none waits long for the others.
 */
static size_t round_max(const struct keeper *keeper)
{
    int64_t max = keeper->call_us > 0 ? ROUND_US / keeper->call_us : 1;
    if (max < 1)
        return 1;
    return max < POOL_ROUND_MAX ? (size_t)max : POOL_ROUND_MAX;
}

static void serve(struct keeper *keeper, enum keeper_state *state)
{
    struct job *jobs[POOL_ROUND_MAX];
    int wait_ms = worker_start_is_active(&keeper->start) ? KEEPER_SLICE_MS : IDLE_MS;
    size_t count = pool_take(keeper->options.pool, wait_ms, jobs, round_max(keeper));
    /* Before the jobs are spent on it: an idle worker may have died meanwhile. */
    check_process(keeper, state);
    if (count > 0 && *state == KEEPER_READY)
        run_round(keeper, jobs, count, state);
    else
        for (size_t i = 0; i < count; i++)
            pool_retry(keeper->options.pool, jobs[i], &GONE);
    if (*state == KEEPER_READY)
        check_worker(keeper, state);
    if (*state == KEEPER_READY) {
        begin_recycling(keeper);
        advance_recycling(keeper, 0);
    }
}

static void *keeper_main(void *argument)
{
    struct keeper *keeper = argument;
    enum keeper_state state = KEEPER_DOWN;
    while (!pool_is_stopping(keeper->options.pool)) {
        if (state == KEEPER_READY)
            serve(keeper, &state);
        else
            (void)hire(keeper, &state);
    }
    worker_start_end(&keeper->start);
    worker_process_end(&keeper->worker);
    pool_change_state(keeper->options.pool, state, KEEPER_DOWN);
    return NULL;
}

enum error keeper_new(const struct keeper_options *options, struct keeper **ret_keeper)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return ERR_INTERNAL;
    *keeper = (struct keeper){
        .options = *options,
        .worker = {.socket = -1},
        .start = {.worker = {.socket = -1}, .scout = {.socket = -1}},
    };
    if (pthread_create(&keeper->thread, NULL, keeper_main, keeper) != 0) {
        free(keeper);
        return ERR_INTERNAL;
    }
    *ret_keeper = keeper;
    return ERR_OK;
}

void keeper_free(struct keeper *keeper)
{
    if (keeper == NULL)
        return;
    (void)pthread_join(keeper->thread, NULL);
    free(keeper);
}
