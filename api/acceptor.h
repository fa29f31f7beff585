/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Accepts connections and hands them to libmicrohttpd, in the order that the lobby says.
 *
 * libmicrohttpd could accept by itself, but when it stops it shuts its listening socket down, and a
 * socket that the service manager keeps for the next life of the program would be dead with it; and
 * its way around that (MHD_quiesce_daemon) races with its own threads in 0.9.75.
 *
 * Order of calls: acceptor_new, acceptor_close, acceptor_stop, stop of the daemon, acceptor_free.
 * Threads: one thread of its own; the functions from one thread.
 */
#ifndef API_ACCEPTOR_H
#define API_ACCEPTOR_H

#include <stdatomic.h>
#include <stdbool.h>

#include <microhttpd.h>

#include "core/error.h"

struct acceptor;
struct lobby;

/* What it works with, borrowed. */
struct acceptor_setting {
    int listener; /* a listening socket, non-blocking */
    struct MHD_Daemon *daemon;
    struct lobby *lobby;
    atomic_uint_fast64_t *refused; /* counts what is closed at once because there are too many
                                      connections, in all or of one address, or waited too long */
};

/* Starts accepting. Of what is refused it logs one line a second at most. */
enum error acceptor_new(const struct acceptor_setting *setting,
                        struct acceptor **ret_acceptor) MUST_USE;
/*
 * Hands a connected socket of this program's own to libmicrohttpd, past the lobby; takes it in
 * every case. False: the acceptor has more of them than it gets rid of.
 */
bool acceptor_admit(struct acceptor *acceptor, int socket) MUST_USE;
/* Nothing is accepted any more; who waits in the lobby gets its turn. NULL is allowed. */
void acceptor_close(struct acceptor *acceptor);
/* Nothing is accepted any more, and who waits in the lobby is sent away; who connects waits for the
 * socket's next owner. NULL is allowed. */
void acceptor_stop(struct acceptor *acceptor);
/* NULL is allowed. */
void acceptor_free(struct acceptor *acceptor);

#endif
