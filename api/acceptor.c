/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One thread that waits for connections. The pipe's end tells it to leave. */
#include "api/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_MS 50 /* when descriptors or memory have run out */

struct acceptor {
    int listener;
    struct MHD_Daemon *daemon;
    int stop_pipe[2];
    bool is_stopped; /* owned by the thread that stops */
    atomic_uint_fast64_t *refused;
    pthread_t thread;
};

static bool is_passing(int problem)
{
    return problem == EAGAIN || problem == EINTR || problem == ECONNABORTED;
}

static void accept_one(struct acceptor *acceptor)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int client = accept4(acceptor->listener, (struct sockaddr *)&address, &length,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
        if (!is_passing(errno))
            (void)poll(NULL, 0, PAUSE_MS);
        return;
    }
    /* Takes the descriptor in every case; over a limit of connections it closes it. */
    if (MHD_add_connection(acceptor->daemon, client, (struct sockaddr *)&address, length) !=
        MHD_YES)
        (void)atomic_fetch_add(acceptor->refused, 1);
}

static void *acceptor_main(void *argument)
{
    struct acceptor *acceptor = argument;
    struct pollfd entries[2] = {{.fd = acceptor->listener, .events = POLLIN},
                                {.fd = acceptor->stop_pipe[0], .events = POLLIN}};
    for (;;) {
        if (poll(entries, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (entries[1].revents != 0)
            return NULL;
        if (entries[0].revents != 0)
            accept_one(acceptor);
    }
}

enum error acceptor_new(int listener, struct MHD_Daemon *daemon, atomic_uint_fast64_t *refused,
                        struct acceptor **ret_acceptor)
{
    struct acceptor *acceptor = calloc(1, sizeof *acceptor);
    if (acceptor == NULL)
        return ERR_INTERNAL;
    acceptor->listener = listener;
    acceptor->daemon = daemon;
    acceptor->refused = refused;
    if (pipe2(acceptor->stop_pipe, O_CLOEXEC) != 0) {
        free(acceptor);
        return ERR_INTERNAL;
    }
    if (pthread_create(&acceptor->thread, NULL, acceptor_main, acceptor) != 0) {
        (void)close(acceptor->stop_pipe[0]);
        (void)close(acceptor->stop_pipe[1]);
        free(acceptor);
        return ERR_INTERNAL;
    }
    *ret_acceptor = acceptor;
    return ERR_OK;
}

void acceptor_stop(struct acceptor *acceptor)
{
    if (acceptor == NULL || acceptor->is_stopped)
        return;
    acceptor->is_stopped = true;
    (void)close(acceptor->stop_pipe[1]);
    (void)pthread_join(acceptor->thread, NULL);
    (void)close(acceptor->stop_pipe[0]);
}

void acceptor_free(struct acceptor *acceptor)
{
    acceptor_stop(acceptor);
    free(acceptor);
}
