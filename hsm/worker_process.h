/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One worker process as its keeper sees it: a process id and a socketpair. Internal to hsm/.
 *
 * Order of calls: worker_process_start; worker_process_receive for each WorkerReady; then rounds: a
 * send of some requests, and a receive for each of them in their order; worker_process_end or
 * worker_process_kill. Threads: owned by one keeper. The kernel kills a worker when the thread that
 * started it ends.
 */
#ifndef HSM_WORKER_PROCESS_H
#define HSM_WORKER_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "config/config.h"
#include "core/bytes.h"
#include "core/error.h"
#include "core/frame_stream.h"
#include "core/secret.h"

struct worker_process {
    pid_t pid; /* 0: there is none */
    int socket;
    struct frame_stream *link; /* over socket; owned */
    uint64_t next_id;          /* of the next request */
    uint64_t round_id;         /* of the newest round's first request */
    bool is_logging_in;        /* C_Login was called and has not been answered: see keeper.c */
};

/* What every worker of a master is given; borrowed for the call. */
struct worker_inheritance {
    const struct config_hsm *config;
    const struct secret *pin;
    const char *serial; /* of the token that served before; "" is any */
    int token_lock;
    bool is_scout; /* it reaches the token and no more; it gets no PIN */
};

/* Executes this program again as a worker and sends it its parameters and the PIN. */
enum error worker_process_start(const struct worker_inheritance *inheritance,
                                struct worker_process *ret_worker, struct fault *fault) MUST_USE;

/* One request of a round, with its files. */
struct worker_request {
    struct bytes payload;
    const int *fds; /* only when the round has no other request */
    unsigned fd_count;
};

/* Sends a round. ERR_LINK_CLOSED or ERR_TIMEOUT: the worker is lost. */
enum error worker_process_send(struct worker_process *worker, const struct worker_request *requests,
                               size_t count) MUST_USE;

/*
 * The answer to the request at this place of the newest round, borrowed until the next receive.
 * ERR_TIMEOUT: none yet, ask again; anything else: the worker is lost.
 */
enum error worker_process_receive(struct worker_process *worker, size_t place, int wait_ms,
                                  struct bytes *ret_answer) MUST_USE;

/* False when an idle worker's process has ended. */
bool worker_process_is_alive(const struct worker_process *worker);

/* Stops the process. False when it does not stop at once; it may do so later, until it is thawed.
 */
bool worker_process_freeze(const struct worker_process *worker);
void worker_process_thaw(const struct worker_process *worker);

/* Lets the worker close its session; kills it when that takes too long. None is allowed. */
void worker_process_end(struct worker_process *worker);
/* Kills and reaps at once; the result is what waitpid reported, 0 for no process. */
int worker_process_kill(struct worker_process *worker);

#endif
