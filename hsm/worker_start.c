/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Owns no state of its own. */
#include "hsm/worker_start.h"

#include "core/fault_message.h"
#include "core/log.h"
#include "hsm/ckr.h"
#include "hsm/hsm_message.h"
#include "hsm/hsm_server.h"
#include "worker.pb-c.h"

#define START_TIMEOUT_MS 15000 /* load, login, audit, dry runs */
#define STILL_MIN_MS     1000  /* a start that makes no step for less is not looked after */
#define DOUBLINGS_MAX    2     /* of that, after starts that were replaced */
#define SCOUT_TIMEOUT_MS 1500  /* the HSM is back when a scout comes through in this */
#define SCOUT_EVERY_MS   500   /* the least between two */

/* ---- what a worker says ---- */

void worker_start_log_weak(struct pool *pool, const struct hsm_weak_key *weak)
{
    char detail[HSM_WEAK_KEY_TEXT_MAX];
    if (!pool_add_weak_key(pool, weak))
        return;
    hsm_weak_key_explain(weak, detail);
    log_event(LOG_LEVEL_ERROR, "hsm-key-weak", LOG_TEXT("label", weak->label),
              LOG_TEXT("attribute", weak->attribute), LOG_TEXT("detail", detail));
}

static void take_status(struct pool *pool, const struct hsm_status *status)
{
    for (size_t i = 0; i < status->weak_key_count; i++)
        worker_start_log_weak(pool, &status->weak_keys[i]);
    pool_set_status(pool, status);
}

/* A step on the way. */
static void note_step(const struct keeper_options *options, struct worker_start *start,
                      const Provisiond__WorkerReady *ready)
{
    const int64_t now_ms = clock_monotonic_ms();
    if (start->moved_ms != 0 && !start->worker.is_logging_in &&
        now_ms - start->moved_ms > start->longest_ms)
        start->longest_ms = now_ms - start->moved_ms;
    start->moved_ms = now_ms;
    if (ready->step == PROVISIOND__WORKER_STEP__WORKER_GOES_ON)
        return;
    start->worker.is_logging_in = ready->step == PROVISIOND__WORKER_STEP__WORKER_LOGGING_IN;
    if (!start->worker.is_logging_in)
        pin_guard_confirm(options->pin_guard);
}

static enum error read_end(const Provisiond__WorkerReady *ready, struct hsm_status *ret_status,
                           struct fault *fault)
{
    enum error e = fault_from_message(ready->fault, fault);
    if (e == ERR_OK &&
        (ready->status == NULL || !hsm_status_from_message(ready->status, ret_status)))
        e = fault_set(fault, ERR_INTERNAL, "worker-answer", "A worker spoke nonsense.", 0);
    return e;
}

/* ERR_TIMEOUT: a step on the way, not the end of the start. */
static enum error read_ready(const struct keeper_options *options, struct worker_start *start,
                             struct bytes answer, struct fault *fault)
{
    struct hsm_status status = {0};
    enum error e = ERR_TIMEOUT;
    Provisiond__WorkerReady *ready =
        provisiond__worker_ready__unpack(NULL, answer.length, answer.data);
    if (ready == NULL)
        return fault_set(fault, ERR_INTERNAL, "worker-answer", "A worker spoke nonsense.", 0);
    if (ready->step == PROVISIOND__WORKER_STEP__WORKER_STARTED)
        e = read_end(ready, &status, fault);
    else
        note_step(options, start, ready);
    if (e == ERR_OK)
        take_status(options->pool, &status);
    provisiond__worker_ready__free_unpacked(ready, NULL);
    return e;
}

/* ---- starting ---- */

/* The operator's own words for what is missing: which token, in which module. Starts go on every
 * second; what they end in is said once a minute. */
static void log_start_failure(const struct keeper_options *options, const struct fault *fault)
{
    const struct config_hsm *config = options->config;
    if (!pool_is_news(options->pool, fault))
        return;
    bool is_refusal = fault->code == ERR_HSM_PIN_REFUSED;
    log_event(is_refusal ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
              is_refusal ? "hsm-pin-refused" : "hsm-worker-start-failed",
              LOG_TEXT("reason", fault->reason), LOG_TEXT("detail", fault->detail),
              LOG_TEXT("token", config->token), LOG_TEXT("module", config->module),
              LOG_TEXT("state", config->state),
              LOG_TEXT("ckr", fault->native != 0 ? ckr_name((unsigned long)fault->native) : ""),
              LOG_NUMBER("native", fault->native));
}

/* File and folder may come back, as an HSM may. */
static enum error check_module(const struct keeper_options *options, struct fault *fault)
{
    if (hsm_check(options->config, fault) == ERR_OK && hsm_check_state(fault) == ERR_OK)
        return ERR_OK;
    fault->code = ERR_HSM_UNAVAILABLE;
    fault->native = 0; /* it would be read as the module's */
    return fault->code;
}

static struct worker_inheritance inheritance_of(const struct keeper_options *options,
                                                const char *serial)
{
    return (struct worker_inheritance){.config = options->config,
                                       .pin = options->pin,
                                       .serial = serial,
                                       .token_lock = pool_token_lock(options->pool)};
}

static enum error start_process(const struct keeper_options *options,
                                struct worker_process *ret_worker, struct fault *fault)
{
    char serial[HSM_SERIAL_SIZE];
    pool_get_serial(options->pool, serial);
    const struct worker_inheritance inheritance = inheritance_of(options, serial);
    enum error e = check_module(options, fault);
    if (e == ERR_OK && options->pin->length > 0) {
        e = pin_guard_enter(options->pin_guard, fault);
        fault->native = 0; /* as above */
    }
    if (e == ERR_OK) {
        e = worker_process_start(&inheritance, ret_worker, fault);
        if (e != ERR_OK && options->pin->length > 0)
            e = pin_guard_fail(options->pin_guard, false, fault);
    }
    return e;
}

enum error worker_start_begin(const struct keeper_options *options, struct worker_start *start,
                              struct fault *fault)
{
    *start = (struct worker_start){.worker = {.socket = -1},
                                   .scout = {.socket = -1},
                                   .usual_ms = start->usual_ms,
                                   .replaced = start->replaced};
    enum error e = start_process(options, &start->worker, fault);
    if (e != ERR_OK) {
        log_start_failure(options, fault);
        return e;
    }
    start->deadline = deadline_in(START_TIMEOUT_MS);
    log_event(pool_is_failing(options->pool) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
              "hsm-worker-started", LOG_NUMBER("pid", start->worker.pid));
    return ERR_OK;
}

/* ---- one that stands still ---- */

/* As long as any call may take, and more where that is known to be too short. */
static int64_t patience_ms(const struct keeper_options *options, const struct worker_start *start)
{
    const unsigned doublings = start->replaced < DOUBLINGS_MAX ? start->replaced : DOUBLINGS_MAX;
    int64_t patience = options->config->call_timeout_ms;
    if (patience < STILL_MIN_MS)
        patience = STILL_MIN_MS;
    if (patience < 2 * start->usual_ms)
        patience = 2 * start->usual_ms;
    return patience << doublings;
}

static bool stands_still(const struct keeper_options *options, const struct worker_start *start)
{
    return start->moved_ms != 0 && !start->worker.is_logging_in &&
           clock_monotonic_ms() - start->moved_ms >= patience_ms(options, start);
}

static void send_scout(const struct keeper_options *options, struct worker_start *start)
{
    struct fault ignored;
    struct worker_inheritance inheritance = inheritance_of(options, "");
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - start->sent_ms < SCOUT_EVERY_MS)
        return;
    inheritance.is_scout = true;
    start->sent_ms = now_ms;
    (void)!worker_process_start(&inheritance, &start->scout, &ignored);
}

/* Whether the scout came through; it is gone when it came to an end or is late. */
static bool ask_scout(struct worker_start *start)
{
    struct bytes answer;
    struct fault fault = {0};
    bool is_through = false;
    enum error e = worker_process_receive(&start->scout, 0, 0, &answer);
    if (e == ERR_TIMEOUT && clock_monotonic_ms() - start->sent_ms < SCOUT_TIMEOUT_MS)
        return false;
    Provisiond__WorkerReady *ready =
        e == ERR_OK ? provisiond__worker_ready__unpack(NULL, answer.length, answer.data) : NULL;
    if (ready != NULL) {
        is_through = fault_from_message(ready->fault, &fault) == ERR_OK;
        provisiond__worker_ready__free_unpacked(ready, NULL);
    }
    (void)worker_process_kill(&start->scout);
    return is_through;
}

/* It is stopped first, so that it cannot go into its login while it is looked at: what a stopped
 * process has not said, it has not done. */
static bool replace(const struct keeper_options *options, struct worker_start *start,
                    enum error *ret_result, struct fault *fault)
{
    if (!worker_process_freeze(&start->worker) || !worker_process_is_alive(&start->worker)) {
        worker_process_thaw(&start->worker);
        return false;
    }
    log_event(LOG_LEVEL_WARNING, "hsm-worker-stuck", LOG_NUMBER("pid", start->worker.pid),
              LOG_TEXT("detail", "A worker's start stood still in a call of the module, while a "
                                 "process beside it reached the token: it is replaced."));
    (void)worker_process_kill(&start->worker);
    if (options->pin->length > 0)
        (void)!pin_guard_fail(options->pin_guard, false, fault);
    *fault = (struct fault){0};
    start->replaced++;
    *ret_result = worker_start_begin(options, start, fault);
    return true;
}

/* ERR_TIMEOUT: the start goes on, or began anew. */
static enum error look_after(const struct keeper_options *options, struct worker_start *start,
                             struct fault *fault)
{
    enum error e = ERR_OK;
    if (!stands_still(options, start)) {
        (void)worker_process_kill(&start->scout);
        return ERR_TIMEOUT;
    }
    if (start->scout.pid == 0) {
        send_scout(options, start);
        return ERR_TIMEOUT;
    }
    if (!ask_scout(start) || !replace(options, start, &e, fault) || e == ERR_OK)
        return ERR_TIMEOUT;
    return e;
}

/* ---- waiting ---- */

static enum error fail_start(const struct keeper_options *options, struct worker_start *start,
                             enum error e, struct fault *fault)
{
    if (options->pin->length > 0)
        e = pin_guard_fail(options->pin_guard, start->worker.is_logging_in, fault);
    log_start_failure(options, fault);
    (void)worker_process_kill(&start->scout);
    (void)worker_process_kill(&start->worker);
    return e;
}

enum error worker_start_check(const struct keeper_options *options, struct worker_start *start,
                              int wait_ms, struct worker_process *ret_worker, struct fault *fault)
{
    struct bytes answer;
    enum error e = worker_process_receive(&start->worker, 0, wait_ms, &answer);
    if (e == ERR_TIMEOUT && deadline_left_ms(start->deadline) > 0)
        return look_after(options, start, fault);
    if (e == ERR_OK) {
        e = read_ready(options, start, answer, fault);
        if (e == ERR_TIMEOUT)
            return e;
    } else if (e == ERR_TIMEOUT) {
        e = fault_set(fault, ERR_HSM_UNAVAILABLE, "worker-start-hung",
                      "A worker did not become ready in time: does the vendor's own tool see the "
                      "HSM, and is it busy?",
                      0);
    } else {
        e = fault_set(fault, ERR_HSM_UNAVAILABLE, "worker-start-crashed",
                      "A worker ended before it was ready: look for its last line, and see whether "
                      "the module needs a drop-in for devices, folders or memory.",
                      0);
    }
    if (e != ERR_OK)
        return fail_start(options, start, e, fault);
    (void)worker_process_kill(&start->scout);
    *ret_worker = start->worker;
    start->worker = (struct worker_process){.socket = -1};
    start->usual_ms = start->longest_ms;
    start->replaced = 0;
    return ERR_OK;
}

bool worker_start_is_active(const struct worker_start *start)
{
    return start->worker.pid != 0;
}

void worker_start_end(struct worker_start *start)
{
    (void)worker_process_kill(&start->scout);
    worker_process_end(&start->worker);
}
