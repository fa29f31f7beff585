/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker process of provision-hsm: the vendor's module, one session, one request at a time.
 *
 * The master executes the program again as a worker with a socketpair on WORKER_FD and the token's
 * lock on WORKER_LOCK_FD. The worker ends
 * when the socketpair ends; once it has logged in, the kernel kills it when the master dies.
 * Threads: the worker has one.
 */
#ifndef HSM_WORKER_H
#define HSM_WORKER_H

/* The command line of a worker: WORKER_OPTION and one of the two, as hsm.sandbox says. */
#define WORKER_OPTION      "--worker"
#define WORKER_STRICT      "strict"
#define WORKER_MODULE      "module"

#define WORKER_FD          3
#define WORKER_LOCK_FD     4 /* token_lock.h */
#define WORKER_HELLO_FRAME 0 /* the id of WorkerHello and of each WorkerReady */
#define WORKER_PIN_FRAME   1 /* the id of the frame that holds the PIN */

/* Serves until the socketpair ends; the result is the exit status. Call after daemon_start. */
int worker_main(int socket, int token_lock);

#endif
