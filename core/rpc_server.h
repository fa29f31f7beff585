/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The answering side of a link between two programs: a Unix socket, frames in, frames out.
 *
 * One thread accepts; each connection has one reader thread that hands whole requests to the
 * handler. The handler must not block for long: it validates, queues, and returns. Whoever holds a
 * struct rpc_call answers it exactly once with rpc_reply, from any thread and in any order.
 *
 * Order of calls: rpc_server_new; …; rpc_server_stop (no new requests; the handler is not called
 * again once it returns); answer every open call; rpc_server_free.
 */
#ifndef CORE_RPC_SERVER_H
#define CORE_RPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/bytes.h"
#include "core/error.h"
#include "core/frame.h"

#define RPC_CONNECTIONS_MAX    64
#define RPC_RECEIVE_TIMEOUT_MS 5000 /* from a frame's first byte to its last */
#define RPC_SEND_TIMEOUT_MS    5000

struct rpc_server;
struct rpc_call;

/* Who is at the other end, from SO_PEERCRED. */
struct rpc_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

struct rpc_server_options {
    const char *path;   /* absolute; an old socket file there is replaced */
    mode_t mode;        /* of the socket file */
    size_t request_max; /* payload bytes; a longer frame ends the connection */
    bool accepts_fds;   /* whether requests may carry descriptors */
    /* Decides about a new connection; NULL allows everybody who can open the socket file. */
    bool (*is_allowed)(void *context, const struct rpc_peer *peer);
    /* Takes the call. Runs on the connection's reader thread. */
    void (*handle)(void *context, struct rpc_call *call);
    void *context;
};

/* Binds, listens and starts. ERR_CONFIG with a reason when the socket cannot be made. */
enum error rpc_server_new(const struct rpc_server_options *options, struct rpc_server **ret_server,
                          struct fault *fault) MUST_USE;
/* Stops accepting and reading; open calls can still be answered. */
void rpc_server_stop(struct rpc_server *server);
/* Stops when still running and frees; all calls must have been answered. NULL is allowed. */
void rpc_server_free(struct rpc_server *server);

/* The request; borrowed, valid until the call is answered. */
struct bytes rpc_call_request(const struct rpc_call *call);
const struct rpc_peer *rpc_call_peer(const struct rpc_call *call);
/* Milliseconds since the call was read from its socket. */
int64_t rpc_call_age_ms(const struct rpc_call *call);
/* The descriptors that came along; borrowed. */
const int *rpc_call_fds(const struct rpc_call *call, unsigned *ret_count);

/*
 * Answers and frees the call. payload and fds are borrowed. An answer to a connection that is gone
 * is dropped: the asking side will ask again.
 */
void rpc_reply(struct rpc_call *call, struct bytes payload, const int *fds, unsigned fd_count);
/* Frees the call without an answer and ends its connection: for bytes that are no message. */
void rpc_hang_up(struct rpc_call *call);

#endif
