/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A server and a client on a socket of their own, for the tests of the link between programs.
 * The server repeats each request, unless the request's first byte says otherwise (LINK_…).
 */
#ifndef TESTS_UNIT_CORE_LINK_H
#define TESTS_UNIT_CORE_LINK_H

#include <stdatomic.h>

#include "core/queue.h"
#include "core/rpc_client.h"
#include "core/rpc_server.h"
#include "support/temp_dir.h"

#define LINK_PAYLOAD_MAX ((size_t)16 * 1024)
#define LINK_WAIT_MS     30000
#define LINK_HOLD        'h' /* keep the call in `held`; the test answers it */
#define LINK_HANG_UP     'x' /* end the connection */

struct link {
    struct temp_dir folder;
    char path[TEMP_PATH_MAX];
    struct queue *held; /* struct rpc_call */
    struct rpc_server *server;
    struct rpc_client *client;
    atomic_uint handled;
    bool accepts_fds; /* of the server; set before link_serve */
    bool allows_nobody;
};

/* Makes folder and client; nobody serves yet. */
void link_set_up(struct link *link);
/* Answers what is held, then ends both sides. */
void link_tear_down(struct link *link);

void link_serve(struct link *link);
/* Answers what is held and ends the server. */
void link_stop_serving(struct link *link);

/* The next held call; fails the test when none comes. */
struct rpc_call *link_take_held(struct link *link);
void link_answer(struct rpc_call *call, const char *text);

/* rpc_client_call with a text; on success *ret_text is the answer, at most 63 bytes of it. */
enum error link_ask(struct link *link, const char *text, char ret_text[64]);

/* How many callbacks came, and with which code; wait until all have come. */
struct tally {
    atomic_uint ended;
    atomic_uint ok;
    atomic_uint unavailable;
    atomic_uint other;
};

/* rpc_done for a struct tally. */
void tally_end(void *context, enum error code, struct frame *answer);
void tally_wait(struct tally *tally, unsigned count);
/* rpc_client_send of length bytes that begin with first. */
void tally_ask(struct link *link, struct tally *tally, char first, size_t length);

#endif
