/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /livez over a socket pair, whose other end goes through the acceptor into an event loop like
 * any connection; only the lobby, which is for strangers, is passed by. libmicrohttpd chooses the
 * loop by the descriptor's number, so the number is chosen first. Then a question to the vault:
 * that it ends in any way shows that the thread lives to which the vault's answers come.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "api/acceptor.h"
#include "api/api.h"
#include "api/server.h"
#include "api/tls.h"
#include "core/bytes.h"

#define STEER_TRIES_MAX 64
#define VAULT_SHARE     2 /* of the time that is left, what the vault gets for its answer */

static const char QUESTION[] =
    "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
static const char ANSWER[] = "HTTP/1.1 200 ";

/* ---- an event loop ---- */

struct asker {
    int socket;
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    deadline_ms deadline;
};

static void asker_clear(struct asker *asker)
{
    if (asker->session != NULL)
        gnutls_deinit(asker->session);
    if (asker->credentials != NULL)
        gnutls_certificate_free_credentials(asker->credentials);
    if (asker->socket >= 0)
        (void)close(asker->socket);
}
#define ASKER_AUTO __attribute__((cleanup(asker_clear))) struct asker

/* The server's certificate is not looked at: there is nobody else at the other end. */
static bool begin_session(struct asker *asker)
{
    if (gnutls_certificate_allocate_credentials(&asker->credentials) != 0 ||
        gnutls_init(&asker->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0 ||
        gnutls_priority_set_direct(asker->session, TLS_PRIORITIES, NULL) != 0 ||
        gnutls_credentials_set(asker->session, GNUTLS_CRD_CERTIFICATE, asker->credentials) != 0)
        return false;
    gnutls_transport_set_int(asker->session, asker->socket);
    return true;
}

/* After a call that returned rc: whether to call again. */
static bool may_go_on(const struct asker *asker, ssize_t rc)
{
    struct pollfd entry = {.fd = asker->socket, .events = POLLIN};
    int left_ms = deadline_left_ms(asker->deadline);
    if (rc >= 0 || gnutls_error_is_fatal((int)rc) || left_ms == 0)
        return false;
    return rc != GNUTLS_E_AGAIN || poll(&entry, 1, left_ms) >= 0 || errno == EINTR;
}

static bool ask(struct asker *asker)
{
    char answer[sizeof ANSWER - 1];
    size_t length = 0;
    ssize_t rc = 0;
    do
        rc = gnutls_handshake(asker->session);
    while (may_go_on(asker, rc));
    if (rc != 0 || gnutls_record_send(asker->session, QUESTION, sizeof QUESTION - 1) !=
                       (ssize_t)(sizeof QUESTION - 1))
        return false;
    while (length < sizeof answer) {
        rc = gnutls_record_recv(asker->session, answer + length, sizeof answer - length);
        if (rc > 0)
            length += (size_t)rc;
        else if (rc == 0 || !may_go_on(asker, rc))
            return false;
    }
    return memcmp(answer, ANSWER, sizeof answer) == 0;
}

/* The same socket under a number that falls to that loop; where none is free, any. */
static int steer(int socket, unsigned loop, unsigned loops)
{
    for (unsigned i = 0; i < STEER_TRIES_MAX && (unsigned)socket % loops != loop; i++) {
        int next = socket + 1;
        while ((unsigned)next % loops != loop)
            next++;
        int moved = fcntl(socket, F_DUPFD_CLOEXEC, next);
        if (moved < 0)
            break;
        (void)close(socket);
        socket = moved;
    }
    return socket;
}

/* ---- the link to the vault ---- */

/* Belongs to both who wait and who answers: freed by the later of them. */
struct echo {
    pthread_mutex_t lock;
    pthread_cond_t is_back;
    unsigned holders; /* guarded by lock, as has_come */
    bool has_come;
};

static struct echo *echo_new(void)
{
    struct echo *echo = calloc(1, sizeof *echo);
    if (echo == NULL)
        return NULL;
    (void)pthread_mutex_init(&echo->lock, NULL);
    (void)pthread_cond_init(&echo->is_back, NULL);
    echo->holders = 2;
    return echo;
}

/* With the lock held, which is released. */
static void echo_release(struct echo *echo)
{
    bool is_last = --echo->holders == 0;
    (void)pthread_mutex_unlock(&echo->lock);
    if (!is_last)
        return;
    (void)pthread_mutex_destroy(&echo->lock);
    (void)pthread_cond_destroy(&echo->is_back);
    free(echo);
}

static void note_echo(void *context, const struct fault *fault,
                      const Provisiond__StationReply *reply, int file)
{
    struct echo *echo = context;
    (void)fault;
    (void)reply;
    if (file >= 0)
        (void)close(file);
    (void)pthread_mutex_lock(&echo->lock);
    echo->has_come = true;
    (void)pthread_cond_signal(&echo->is_back);
    echo_release(echo);
}

static void ask_vault(struct api *api, struct echo *echo, deadline_ms deadline)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__ReadyRequest ready = PROVISIOND__READY_REQUEST__INIT;
    int64_t timeout_ms = deadline_left_ms(deadline) / VAULT_SHARE;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_READY;
    message.ready = &ready;
    message.timeout_ms = (uint32_t)timeout_ms;
    vault_station_send(api->vault, &message, deadline_in(timeout_ms), note_echo, echo);
}

/* Whether the question ended: answered, refused, or too late. */
static bool has_link(struct api *api, deadline_ms deadline)
{
    const struct timespec until = deadline_timespec(deadline);
    struct echo *echo = echo_new();
    int rc = 0;
    if (echo == NULL)
        return false;
    ask_vault(api, echo, deadline);
    (void)pthread_mutex_lock(&echo->lock);
    while (!echo->has_come && rc == 0)
        rc = pthread_cond_clockwait(&echo->is_back, &echo->lock, CLOCK_MONOTONIC, &until);
    bool has_come = echo->has_come;
    echo_release(echo);
    return has_come;
}

/* ---- both ---- */

static enum error fail(struct fault *fault, enum error code, const char *detail, int native)
{
    return fault_set(fault, code, "no-answer", detail, native);
}

static enum error probe_loop(struct api *api, deadline_ms deadline, struct fault *fault)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return fail(fault, ERR_INTERNAL, "No socket can be made to ask this server itself.", errno);
    ASKER_AUTO asker = {.socket = ends[0], .deadline = deadline};
    int far_end = steer(ends[1], api->probed_loop, api->loops);
    if (!acceptor_admit(api->acceptor, far_end) || !begin_session(&asker))
        return fail(fault, ERR_INTERNAL, "This server cannot be asked by itself.", errno);
    if (!ask(&asker))
        return fail(fault, ERR_TIMEOUT,
                    "An event loop gave no answer to GET /livez in time; it may hang, or the "
                    "machine has too little time for it.",
                    (int)api->probed_loop);
    /* The next one, but not before this one has answered: a loop that hangs is asked again. */
    api->probed_loop = (api->probed_loop + 1) % api->loops;
    return ERR_OK;
}

enum error api_probe(struct api *api, deadline_ms deadline, struct fault *fault)
{
    enum error e = probe_loop(api, deadline, fault);
    if (e == ERR_OK && !has_link(api, deadline))
        return fail(fault, ERR_TIMEOUT,
                    "The thread that takes the vault's answers did not end a question in time.", 0);
    return e;
}
