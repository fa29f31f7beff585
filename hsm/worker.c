/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The worker's loop: hello, login, then one request at a time. Answers to requests that came
 * together go together, unless that would hold one up. It trusts its master, which has validated
 * every request, and writes no log: what it learns it tells the master.
 */
#include "hsm/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/fault_message.h"
#include "core/frame.h"
#include "hsm/token_lock.h"
#include "hsm/worker_operations.h"

#define MASTER_TIMEOUT_MS 10000 /* the master reads at once, or it is gone */
#define KEEP_US           10000 /* how long calls may take whose answers go together */
#define PROGRESS_MS       100   /* between two words that the start goes on */
#define START_LIMIT_S     20    /* SIGALRM ends a start that hangs; the master gives up earlier */

/* ---- one request ---- */

static void prepare_answer(struct answer *answer, enum error result)
{
    if (result != ERR_OK) {
        provisiond__hsm_reply__init(&answer->reply); /* a fault comes without a result */
        fault_to_message(&answer->fault, &answer->fault_message);
        answer->reply.fault = &answer->fault_message;
    }
    answer->message.reply = &answer->reply;
}

/* The master has a deadline for each answer: those of slow calls go one by one. */
static bool send_kept(struct worker *worker)
{
    if (frame_stream_has_more(worker->link) &&
        clock_monotonic_us() - worker->kept_since_us < KEEP_US)
        return true;
    worker->kept_since_us = 0;
    return frame_stream_flush(worker->link, deadline_in(MASTER_TIMEOUT_MS)) == ERR_OK;
}

static bool send_answer(struct worker *worker, uint64_t id)
{
    static uint8_t payload[HSM_REQUEST_MAX_BYTES];
    const Provisiond__WorkerAnswer *message = &worker->answer.message;
    size_t length = provisiond__worker_answer__get_packed_size(message);
    if (length > sizeof payload)
        return false;
    provisiond__worker_answer__pack(message, payload);
    enum error e = frame_stream_put(worker->link, id, bytes_of(payload, length),
                                    deadline_in(MASTER_TIMEOUT_MS));
    return e == ERR_OK && send_kept(worker);
}

static uint64_t peak_kib(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss : 0;
}

static bool answer_request(struct worker *worker, const struct frame *frame)
{
    struct answer *answer = &worker->answer;
    size_t known = worker->p11.weak_key_count;
    Provisiond__HsmRequest *request =
        provisiond__hsm_request__unpack(NULL, frame->length, frame->payload);
    if (request == NULL)
        return false;
    if (worker->kept_since_us == 0)
        worker->kept_since_us = clock_monotonic_us();
    *answer = (struct answer){0};
    provisiond__worker_answer__init(&answer->message);
    provisiond__hsm_reply__init(&answer->reply);
    answer->reply.result_case = (Provisiond__HsmReply__ResultCase)((unsigned)request->op_case + 1);
    prepare_answer(answer, worker_operate(worker, request, frame->fds));
    provisiond__hsm_request__free_unpacked(request, NULL);
    answer->message.is_unfit = worker->p11.is_unfit;
    answer->message.peak_kib = peak_kib();
    if (worker->p11.weak_key_count > known) {
        hsm_weak_key_to_message(&worker->p11.weak_keys[known], &answer->weak_message);
        answer->message.weak_key = &answer->weak_message;
    }
    return send_answer(worker, frame->id);
}

/* ---- start ---- */

static enum error receive_pin(int socket, struct secret *ret_pin)
{
    struct frame frame;
    enum error e = frame_receive(socket, SECRET_MAX_BYTES, false, -1, MASTER_TIMEOUT_MS, &frame);
    if (e != ERR_OK)
        return e;
    e = secret_new(frame.length, ret_pin);
    if (e == ERR_OK)
        memcpy(ret_pin->bytes, frame.payload, frame.length);
    OPENSSL_cleanse(frame.payload, frame.length);
    frame_clear(&frame);
    return e;
}

/*
 * From here on the kernel kills the worker when its master dies, even inside a module that hangs.
 * Not before: SoftHSM rewrites its token in C_Login, and a worker killed there leaves a token of no
 * bytes. Until then START_LIMIT_S ends a worker that hangs without a master. A master that died
 * before this line is noticed at the next read or write.
 */
static enum error tie_to_master(struct fault *fault)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return fault_set(
            fault, ERR_INTERNAL, "worker-hardening",
            "A worker cannot be tied to its master: let the unit or the container allow prctl.",
            errno);
    return ERR_OK;
}

static bool send_step(struct worker *worker, const Provisiond__WorkerReady *ready)
{
    size_t length = provisiond__worker_ready__get_packed_size(ready);
    uint8_t *payload = malloc(length + 1);
    if (payload == NULL)
        return false;
    provisiond__worker_ready__pack(ready, payload);
    enum error e = frame_send(worker->socket, 0, bytes_of(payload, length), NULL, 0,
                              deadline_in(MASTER_TIMEOUT_MS));
    free(payload);
    return e == ERR_OK;
}

/* A master that does not hear this must not lose count of the PIN: then it is not spent. */
static void note_login(void *context, bool is_done)
{
    Provisiond__WorkerReady ready = PROVISIOND__WORKER_READY__INIT;
    ready.step = is_done ? PROVISIOND__WORKER_STEP__WORKER_LOGGED_IN
                         : PROVISIOND__WORKER_STEP__WORKER_LOGGING_IN;
    if (!send_step(context, &ready))
        _exit(EXIT_FAILURE);
}

/* Not for each of many short calls. */
static void note_progress(void *context)
{
    static int64_t told_ms;
    Provisiond__WorkerReady ready = PROVISIOND__WORKER_READY__INIT;
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - told_ms < PROGRESS_MS)
        return;
    told_ms = now_ms;
    ready.step = PROVISIOND__WORKER_STEP__WORKER_GOES_ON;
    (void)send_step(context, &ready); /* a master that is gone is noticed later */
}

static enum error open_token(struct worker *worker, const Provisiond__WorkerHello *hello,
                             struct fault *fault)
{
    SECRET_AUTO pin = {0};
    const struct p11_options options = {.module = hello->module,
                                        .token = hello->token,
                                        .arguments = hello->arguments,
                                        .serial = hello->serial,
                                        .note_login = note_login,
                                        .note_progress = note_progress,
                                        .context = worker};
    if (hello->has_pin && receive_pin(worker->socket, &pin) != ERR_OK)
        return fault_set(fault, ERR_INTERNAL, "worker-hello", "The master sent no PIN.", 0);
    enum error e = p11_open(&worker->p11, &options, &pin, fault);
    return e == ERR_OK ? tie_to_master(fault) : e;
}

static void copy_status(const struct p11 *p11, struct hsm_status *status)
{
    memcpy(status->token_label, p11->label, sizeof status->token_label);
    memcpy(status->token_serial, p11->serial, sizeof status->token_serial);
    memcpy(status->token_model, p11->model, sizeof status->token_model);
    memcpy(status->weak_keys, p11->weak_keys, sizeof status->weak_keys);
    status->weak_key_count = p11->weak_key_count;
    status->mode = p11->mode;
    status->keeps_data = p11->keeps_data;
}

static bool send_ready(struct worker *worker, const struct hsm_status *status,
                       const struct fault *fault)
{
    Provisiond__WorkerReady ready = PROVISIOND__WORKER_READY__INIT;
    Provisiond__FaultMessage fault_message;
    struct hsm_status_message status_message;
    hsm_status_to_message(status, &status_message);
    fault_to_message(fault, &fault_message);
    ready.fault = &fault_message;
    ready.status = &status_message.message;
    return send_step(worker, &ready);
}

static enum error look_around(struct worker *worker, const Provisiond__WorkerHello *hello,
                              struct hsm_status *status, struct fault *fault)
{
    struct p11 *p11 = &worker->p11;
    enum error e = open_token(worker, hello, fault);
    if (e == ERR_OK)
        e = p11_audit_all(p11, fault);
    if (e == ERR_OK)
        e = p11_get_spkis(p11, &status->checkpoint, &status->transport, fault);
    if (e == ERR_OK)
        e = p11_get_successors(p11, status, fault);
    if (e == ERR_OK)
        e = p11_choose_mode(p11, fault);
    if (e == ERR_OK)
        e = p11_probe_data(p11, fault);
    return e;
}

static bool start(struct worker *worker, const Provisiond__WorkerHello *hello)
{
    struct p11 *p11 = &worker->p11;
    struct hsm_status status = {0};
    struct fault fault = {0};
    enum error e = token_lock_take(worker->token_lock, &fault);
    note_progress(worker); /* from here on it may stand still in the module alone */
    if (e == ERR_OK)
        e = look_around(worker, hello, &status, &fault);
    p11->note_progress = NULL; /* from here on nothing is said unasked */
    token_lock_leave(worker->token_lock);
    if (e == ERR_OK)
        fault = (struct fault){0};
    copy_status(p11, &status);
    return send_ready(worker, &status, &fault) && e == ERR_OK;
}

/* Without the token's lock: a start that hangs may hold it. */
static bool scout(struct worker *worker, const Provisiond__WorkerHello *hello)
{
    const struct hsm_status status = {0};
    struct fault fault = {0};
    const struct p11_options options = {.module = hello->module,
                                        .token = hello->token,
                                        .arguments = hello->arguments,
                                        .serial = ""};
    if (p11_reach(&worker->p11, &options, &fault) == ERR_OK)
        fault = (struct fault){0};
    (void)send_ready(worker, &status, &fault);
    return false;
}

static bool greet(struct worker *worker)
{
    struct frame frame;
    if (frame_receive(worker->socket, HSM_REQUEST_MAX_BYTES, false, -1, MASTER_TIMEOUT_MS,
                      &frame) != ERR_OK)
        return false;
    Provisiond__WorkerHello *hello =
        provisiond__worker_hello__unpack(NULL, frame.length, frame.payload);
    frame_clear(&frame);
    if (hello == NULL)
        return false;
    bool is_ready = hello->is_scout ? scout(worker, hello) : start(worker, hello);
    provisiond__worker_hello__free_unpacked(hello, NULL);
    return is_ready;
}

static void serve_until_the_master_is_gone(struct worker *worker)
{
    struct frame frame;
    bool is_well = frame_stream_new(worker->socket, HSM_REQUEST_MAX_BYTES, &worker->link) == ERR_OK;
    while (is_well && frame_stream_receive(worker->link, -1, MASTER_TIMEOUT_MS, &frame) == ERR_OK)
        is_well = answer_request(worker, &frame);
    frame_stream_free(worker->link);
}

int worker_main(int socket, int token_lock)
{
    static struct worker worker; /* large, and there is only one */
    worker.socket = socket;
    worker.token_lock = token_lock;
    /* No child of the module may keep the socketpair open. */
    if (fcntl(socket, F_SETFD, FD_CLOEXEC) != 0 || fcntl(token_lock, F_SETFD, FD_CLOEXEC) != 0)
        return EXIT_FAILURE;
    (void)alarm(START_LIMIT_S);
    bool is_ready = greet(&worker);
    (void)alarm(0);
    if (is_ready)
        serve_until_the_master_is_gone(&worker);
    p11_close(&worker.p11);
    return is_ready ? EXIT_SUCCESS : EXIT_FAILURE;
}
