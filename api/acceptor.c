/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One thread that waits for connections and for turns in the lobby. Through a pipe come the numbers
 * of the program's own sockets; the pipe's end tells it to leave.
 */
#include "api/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/caller.h"
#include "api/lobby.h"
#include "core/clock.h"
#include "core/log.h"

#define PAUSE_MS      50 /* when descriptors or memory have run out */
#define TELL_EVERY_MS 1000

/* Bytes that wait in the kernel. With megabytes there, libmicrohttpd sees a slow reader take
 * nothing for minutes, and ends the connection as idle. */
static const int UNSENT_MAX = 131072;

struct acceptor {
    struct acceptor_setting setting;
    int pipe[2]; /* the end to write is non-blocking */
    atomic_bool is_closed;
    bool is_stopped; /* owned by the thread that stops */
    pthread_t thread;
    int64_t told_ms; /* both owned by the thread: the last line, and who was refused since */
    unsigned untold;
};

/* ---- refusals ---- */

/* key: of [api], what to raise. */
static void refuse(struct acceptor *acceptor, const struct lobby_guest *guest, const char *key)
{
    char peer[CALLER_ADDRESS_SIZE];
    int64_t now_ms = clock_monotonic_ms();
    (void)close(guest->socket);
    (void)atomic_fetch_add(acceptor->setting.refused, 1);
    acceptor->untold++;
    if (acceptor->told_ms != 0 && now_ms - acceptor->told_ms < TELL_EVERY_MS)
        return;
    caller_format_address((const struct sockaddr *)&guest->address, peer);
    log_event(LOG_LEVEL_WARNING, "connection-refused", LOG_TEXT("peer", peer),
              LOG_TEXT("limit", key), LOG_NUMBER("refused", acceptor->untold),
              LOG_TEXT("detail", "Too many connections, in all or of one address: raise the limit "
                                 "in [api] that is named here if they are wanted."));
    acceptor->told_ms = now_ms;
    acceptor->untold = 0;
}

static void refuse_newcomer(struct acceptor *acceptor, const struct lobby_guest *guest,
                            enum lobby_refusal refusal)
{
    switch (refusal) {
    case LOBBY_FULL:
        refuse(acceptor, guest, "connections");
        break;
    case LOBBY_ADDRESS_FULL:
        refuse(acceptor, guest, "connections_per_address");
        break;
    default:
        (void)close(guest->socket);
        (void)poll(NULL, 0, PAUSE_MS);
        break;
    }
}

/* ---- in, and on ---- */

static bool is_passing(int problem)
{
    return problem == EAGAIN || problem == EINTR || problem == ECONNABORTED;
}

static void accept_one(struct acceptor *acceptor)
{
    struct lobby_guest guest = {.length = sizeof guest.address};
    guest.socket = accept4(acceptor->setting.listener, (struct sockaddr *)&guest.address,
                           &guest.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (guest.socket < 0) {
        if (!is_passing(errno))
            (void)poll(NULL, 0, PAUSE_MS);
        return;
    }
    (void)setsockopt(guest.socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &UNSENT_MAX, sizeof UNSENT_MAX);
    enum lobby_refusal refusal =
        lobby_arrive(acceptor->setting.lobby, &guest, clock_monotonic_ms());
    if (refusal != LOBBY_WELCOME)
        refuse_newcomer(acceptor, &guest, refusal);
}

static bool has_left(int socket)
{
    char byte;
    return recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void hand_over(struct acceptor *acceptor, const struct lobby_guest *guest)
{
    bool is_gone = has_left(guest->socket);
    /* Takes the descriptor in every case, and closes it when it fails. */
    if (!is_gone &&
        MHD_add_connection(acceptor->setting.daemon, guest->socket,
                           (const struct sockaddr *)&guest->address, guest->length) == MHD_YES)
        return;
    /* The number may be of another socket by now, but only accept_one gives the lobby new ones. */
    lobby_leave(acceptor->setting.lobby, guest->socket);
    if (is_gone)
        (void)close(guest->socket);
}

static void serve_lobby(struct acceptor *acceptor)
{
    struct lobby *lobby = acceptor->setting.lobby;
    struct lobby_guest guest;
    while (lobby_next_overdue(lobby, clock_monotonic_ms(), &guest))
        refuse(acceptor, &guest, "handshakes_per_second");
    while (lobby_next(lobby, clock_monotonic_ms(), &guest))
        hand_over(acceptor, &guest);
}

/* False at the pipe's end. */
static bool admit_one(struct acceptor *acceptor)
{
    const struct sockaddr_un own = {.sun_family = AF_UNIX};
    int socket = -1;
    ssize_t got = read(acceptor->pipe[0], &socket, sizeof socket);
    if (got == (ssize_t)sizeof socket)
        (void)MHD_add_connection(acceptor->setting.daemon, socket, (const struct sockaddr *)&own,
                                 sizeof own);
    return got > 0 || (got < 0 && errno == EINTR);
}

static void *acceptor_main(void *argument)
{
    struct acceptor *acceptor = argument;
    struct lobby *lobby = acceptor->setting.lobby;
    struct pollfd entries[3] = {{.fd = acceptor->setting.listener, .events = POLLIN},
                                {.fd = acceptor->pipe[0], .events = POLLIN},
                                {.fd = lobby_descriptor(lobby), .events = POLLIN}};
    for (;;) {
        if (poll(entries, 3, lobby_pause_ms(lobby, clock_monotonic_ms())) < 0 && errno != EINTR)
            return NULL;
        if (entries[1].revents != 0 && !admit_one(acceptor))
            return NULL;
        if (atomic_load(&acceptor->is_closed))
            entries[0].fd = -1;
        else if (entries[0].revents != 0)
            accept_one(acceptor);
        serve_lobby(acceptor);
    }
}

enum error acceptor_new(const struct acceptor_setting *setting, struct acceptor **ret_acceptor)
{
    struct acceptor *acceptor = calloc(1, sizeof *acceptor);
    if (acceptor == NULL)
        return ERR_INTERNAL;
    acceptor->setting = *setting;
    if (pipe2(acceptor->pipe, O_CLOEXEC) != 0) {
        free(acceptor);
        return ERR_INTERNAL;
    }
    (void)fcntl(acceptor->pipe[1], F_SETFL, O_NONBLOCK);
    if (pthread_create(&acceptor->thread, NULL, acceptor_main, acceptor) != 0) {
        (void)close(acceptor->pipe[0]);
        (void)close(acceptor->pipe[1]);
        free(acceptor);
        return ERR_INTERNAL;
    }
    *ret_acceptor = acceptor;
    return ERR_OK;
}

bool acceptor_admit(struct acceptor *acceptor, int socket)
{
    if (write(acceptor->pipe[1], &socket, sizeof socket) == (ssize_t)sizeof socket)
        return true;
    (void)close(socket);
    return false;
}

void acceptor_close(struct acceptor *acceptor)
{
    if (acceptor != NULL)
        atomic_store(&acceptor->is_closed, true);
}

void acceptor_stop(struct acceptor *acceptor)
{
    if (acceptor == NULL || acceptor->is_stopped)
        return;
    acceptor->is_stopped = true;
    (void)close(acceptor->pipe[1]);
    (void)pthread_join(acceptor->thread, NULL);
    (void)close(acceptor->pipe[0]);
    lobby_dismiss(acceptor->setting.lobby);
}

void acceptor_free(struct acceptor *acceptor)
{
    acceptor_stop(acceptor);
    free(acceptor);
}
