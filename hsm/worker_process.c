/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting, asking and ending a worker process. Parameters and PIN go through the socketpair, never
 * by argument or environment. Owns no state of its own.
 */
#include "hsm/worker_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hsm/hsm_client.h"
#include "hsm/worker.h"
#include "worker.pb-c.h"

#define SEND_TIMEOUT_MS   1000
#define REST_TIMEOUT_MS   1000 /* from an answer's first byte to its last */
#define END_TIMEOUT_MS    500
#define LOGIN_TIMEOUT_MS  15000
#define FREEZE_TIMEOUT_MS 50
#define FREEZE_LOOK_MS    1

static enum error fail_start(int native, struct fault *fault)
{
    const char *detail = "A worker process cannot be started: restart provision-hsm.";
    if (native == EACCES)
        detail = "A worker process cannot be started: provision-hsm may not be executed any more, "
                 "or the system's dynamic loader (libc6) was moved. Restart provision-hsm.";
    else if (native == EAGAIN || native == ENOMEM)
        detail = "A worker process cannot be started: the limit of processes or of memory is "
                 "reached: raise TasksMax= or MemoryMax= of the unit.";
    return fault_set(fault, ERR_HSM_UNAVAILABLE, "worker-not-startable", detail, native);
}

/* The child keeps WORKER_FD, WORKER_LOCK_FD and the standard descriptors; all others are
 * close-on-exec. */
static int spawn(int child_socket, int token_lock, enum config_sandbox sandbox, pid_t *ret_pid)
{
    static char name[] = "provision-hsm";
    static char mode[] = WORKER_OPTION;
    static char strict[] = WORKER_STRICT;
    static char module[] = WORKER_MODULE;
    char *const arguments[] = {name, mode, sandbox == CONFIG_SANDBOX_STRICT ? strict : module,
                               NULL};
    posix_spawn_file_actions_t actions;
    int problem = posix_spawn_file_actions_init(&actions);
    if (problem != 0)
        return problem;
    problem = posix_spawn_file_actions_adddup2(&actions, child_socket, WORKER_FD);
    if (problem == 0)
        problem = posix_spawn_file_actions_adddup2(&actions, token_lock, WORKER_LOCK_FD);
    if (problem == 0)
        problem = posix_spawn(ret_pid, "/proc/self/exe", &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return problem;
}

static enum error send_hello(struct worker_process *worker,
                             const struct worker_inheritance *inheritance)
{
    const struct config_hsm *config = inheritance->config;
    const struct secret *pin = inheritance->pin;
    Provisiond__WorkerHello hello = PROVISIOND__WORKER_HELLO__INIT;
    hello.module = (char *)(uintptr_t)config->module;
    hello.token = (char *)(uintptr_t)config->token;
    hello.arguments = (char *)(uintptr_t)config->module_arguments;
    hello.serial = (char *)(uintptr_t)inheritance->serial;
    hello.is_scout = inheritance->is_scout;
    hello.has_pin = pin->length > 0 && !hello.is_scout;
    size_t length = provisiond__worker_hello__get_packed_size(&hello);
    uint8_t *payload = malloc(length);
    if (payload == NULL)
        return ERR_INTERNAL;
    provisiond__worker_hello__pack(&hello, payload);
    enum error e = frame_send(worker->socket, WORKER_HELLO_FRAME, bytes_of(payload, length), NULL,
                              0, deadline_in(SEND_TIMEOUT_MS));
    free(payload);
    if (e == ERR_OK && hello.has_pin)
        e = frame_send(worker->socket, WORKER_PIN_FRAME, bytes_of(pin->bytes, pin->length), NULL, 0,
                       deadline_in(SEND_TIMEOUT_MS));
    return e;
}

enum error worker_process_start(const struct worker_inheritance *inheritance,
                                struct worker_process *ret_worker, struct fault *fault)
{
    struct worker_process worker = {.round_id = WORKER_HELLO_FRAME}; /* of WorkerReady, too */
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return fail_start(errno, fault);
    int problem =
        spawn(pair[1], inheritance->token_lock, inheritance->config->sandbox, &worker.pid);
    (void)close(pair[1]);
    if (problem != 0) {
        (void)close(pair[0]);
        return fail_start(problem, fault);
    }
    worker.socket = pair[0];
    worker.next_id = WORKER_PIN_FRAME + 1;
    if (frame_stream_new(worker.socket, HSM_REQUEST_MAX_BYTES, &worker.link) != ERR_OK ||
        send_hello(&worker, inheritance) != ERR_OK) {
        (void)worker_process_kill(&worker);
        return fail_start(0, fault);
    }
    *ret_worker = worker;
    return ERR_OK;
}

enum error worker_process_send(struct worker_process *worker, const struct worker_request *requests,
                               size_t count)
{
    deadline_ms deadline = deadline_in(SEND_TIMEOUT_MS);
    enum error e = ERR_OK;
    worker->round_id = worker->next_id;
    worker->next_id += count;
    if (requests[0].fd_count > 0)
        return frame_send(worker->socket, worker->round_id, requests[0].payload, requests[0].fds,
                          requests[0].fd_count, deadline);
    for (size_t i = 0; i < count && e == ERR_OK; i++)
        e = frame_stream_put(worker->link, worker->round_id + i, requests[i].payload, deadline);
    return e == ERR_OK ? frame_stream_flush(worker->link, deadline) : e;
}

enum error worker_process_receive(struct worker_process *worker, size_t place, int wait_ms,
                                  struct bytes *ret_answer)
{
    struct frame answer;
    enum error e = frame_stream_receive(worker->link, wait_ms, REST_TIMEOUT_MS, &answer);
    if (e == ERR_TIMEOUT && !frame_stream_has_more(worker->link))
        return e;
    /* An answer to nothing, or with files: never trust this worker again. */
    if (e != ERR_OK || answer.id != worker->round_id + place || answer.fd_count > 0)
        return ERR_LINK_CLOSED;
    *ret_answer = bytes_of(answer.payload, answer.length);
    return ERR_OK;
}

bool worker_process_is_alive(const struct worker_process *worker)
{
    struct pollfd entry = {.fd = worker->socket, .events = POLLIN};
    /* An idle worker has nothing to say: anything readable is its end. */
    return !frame_stream_has_more(worker->link) && poll(&entry, 1, 0) == 0;
}

bool worker_process_freeze(const struct worker_process *worker)
{
    const deadline_ms deadline = deadline_in(FREEZE_TIMEOUT_MS);
    if (kill(worker->pid, SIGSTOP) != 0)
        return false;
    while (deadline_left_ms(deadline) > 0) {
        siginfo_t found = {.si_pid = 0};
        if (waitid(P_PID, (id_t)worker->pid, &found, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) != 0)
            return false;
        if (found.si_pid != 0)
            return found.si_code == CLD_STOPPED;
        (void)poll(NULL, 0, FREEZE_LOOK_MS);
    }
    return false;
}

void worker_process_thaw(const struct worker_process *worker)
{
    (void)kill(worker->pid, SIGCONT);
}

int worker_process_kill(struct worker_process *worker)
{
    int status = 0;
    if (worker->pid == 0)
        return 0;
    (void)kill(worker->pid, SIGKILL);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    frame_stream_free(worker->link);
    (void)close(worker->socket);
    *worker = (struct worker_process){.socket = -1};
    return status;
}

void worker_process_end(struct worker_process *worker)
{
    if (worker->pid == 0)
        return;
    (void)shutdown(worker->socket, SHUT_RDWR);
    int process = pidfd_open(worker->pid, 0);
    if (process >= 0) {
        struct pollfd entry = {.fd = process, .events = POLLIN};
        /* Killed in the middle of its login it would cost SoftHSM its token. */
        (void)poll(&entry, 1, worker->is_logging_in ? LOGIN_TIMEOUT_MS : END_TIMEOUT_MS);
        (void)close(process);
    }
    (void)worker_process_kill(worker);
}
