/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The asking side of a link between two programs: one connection, many questions under way.
 *
 * The connection is made on first use and again after it was lost, so the other program may start
 * later, crash and come back. Each question has a deadline and ends in exactly one call of its
 * callback: with the answer, with the link's own "unavailable" code (not connected, or lost on the
 * way: the outcome is then unknown), with ERR_TIMEOUT, or with ERR_BUSY when too many are open.
 *
 * Threads: safe from any thread. Callbacks run on the client's reader thread (or inside
 * rpc_client_send when the question could not be sent) and must not block.
 */
#ifndef CORE_RPC_CLIENT_H
#define CORE_RPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/frame.h"

#define RPC_OPEN_MAX 4096 /* questions under way per client */

/*
 * A client connects with an address of fewer than RPC_ADDRESS_BYTES: shorter than any of a network,
 * so that a program can close connect(2) for all that is longer (daemon/sandbox_calls.h). The
 * address holds a descriptor's number, which must therefore be below RPC_DESCRIPTORS_MAX.
 */
#define RPC_ADDRESS_BYTES   16
#define RPC_DESCRIPTORS_MAX 100000

struct rpc_client;

struct rpc_client_options {
    const char *path;       /* the other program's socket */
    size_t reply_max;       /* payload bytes; a longer answer ends the connection */
    enum error unavailable; /* the code for "cannot be reached" */
    bool accepts_fds;       /* whether answers may carry descriptors */
};

/* answer is NULL unless code is ERR_OK; the callback may take its contents, the rest is cleared. */
typedef void (*rpc_done)(void *context, enum error code, struct frame *answer);

/* Never connects; fails for lack of memory or threads only. path is copied. */
enum error rpc_client_new(const struct rpc_client_options *options,
                          struct rpc_client **ret_client) MUST_USE;
/* Ends every open question with the unavailable code, then frees. NULL is allowed. */
void rpc_client_free(struct rpc_client *client);

/* Asks; done is called exactly once, whatever happens. payload and fds are borrowed. */
void rpc_client_send(struct rpc_client *client, struct bytes payload, const int *fds,
                     unsigned fd_count, deadline_ms deadline, rpc_done done, void *context);

/* Asks and waits. The caller clears *ret_answer (frame_clear). */
enum error rpc_client_call(struct rpc_client *client, struct bytes payload, const int *fds,
                           unsigned fd_count, deadline_ms deadline,
                           struct frame *ret_answer) MUST_USE;

#endif
