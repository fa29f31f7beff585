/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Unix-socket server with a reader thread per connection. A connection is shared by its reader and
 * by the calls that came through it; the last of them closes the socket.
 */
#include "core/rpc_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 64

struct connection {
    struct rpc_server *server;
    int socket;
    struct rpc_peer peer;
    atomic_uint references;
    pthread_mutex_t write_lock; /* one frame at a time */
};

struct rpc_call {
    struct connection *connection;
    int64_t received_ms;
    struct frame frame;
};

struct rpc_server {
    struct rpc_server_options options;
    char path[sizeof((struct sockaddr_un){0}.sun_path)];
    int listener;
    int stop_pipe[2]; /* closed write end tells the accept thread to leave */
    pthread_t accept_thread;
    bool is_stopped;        /* owned by the thread that stops */
    pthread_mutex_t lock;   /* guards readers and live */
    pthread_cond_t is_idle; /* readers became 0 */
    unsigned readers;
    struct connection *live[RPC_CONNECTIONS_MAX];
};

static void connection_release(struct connection *connection)
{
    if (atomic_fetch_sub(&connection->references, 1) != 1)
        return;
    (void)close(connection->socket);
    (void)pthread_mutex_destroy(&connection->write_lock);
    free(connection);
}

/* ---- readers ---- */

static void handle_frame(struct connection *connection, struct frame *frame)
{
    struct rpc_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        frame_clear(frame);
        (void)shutdown(connection->socket, SHUT_RDWR);
        return;
    }
    atomic_fetch_add(&connection->references, 1);
    call->connection = connection;
    call->received_ms = clock_monotonic_ms();
    call->frame = *frame;
    connection->server->options.handle(connection->server->options.context, call);
}

static void forget_connection(struct rpc_server *server, struct connection *connection)
{
    (void)pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < RPC_CONNECTIONS_MAX; i++) {
        if (server->live[i] == connection)
            server->live[i] = NULL;
    }
    server->readers--;
    (void)pthread_cond_broadcast(&server->is_idle);
    (void)pthread_mutex_unlock(&server->lock);
}

static void *reader_main(void *argument)
{
    struct connection *connection = argument;
    struct rpc_server *server = connection->server;
    struct frame frame;
    while (frame_receive(connection->socket, server->options.request_max,
                         server->options.accepts_fds, -1, RPC_RECEIVE_TIMEOUT_MS, &frame) == ERR_OK)
        handle_frame(connection, &frame);
    /* Answers that are still being made may be sent; nothing more is read. */
    (void)shutdown(connection->socket, SHUT_RD);
    forget_connection(server, connection);
    connection_release(connection);
    return NULL;
}

/* ---- accepting ---- */

static bool start_reader(struct connection *connection)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, reader_main, connection) != 0)
        return false;
    (void)pthread_detach(thread);
    return true;
}

static bool remember_connection(struct rpc_server *server, struct connection *connection)
{
    bool is_placed = false;
    (void)pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < RPC_CONNECTIONS_MAX && !is_placed; i++) {
        if (server->live[i] == NULL) {
            server->live[i] = connection;
            server->readers++;
            is_placed = true;
        }
    }
    (void)pthread_mutex_unlock(&server->lock);
    return is_placed;
}

static bool read_peer(int socket, struct rpc_peer *ret_peer)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return false;
    *ret_peer =
        (struct rpc_peer){.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid};
    return true;
}

static struct connection *connection_new(struct rpc_server *server, int socket)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->server = server;
    connection->socket = socket;
    atomic_init(&connection->references, 1);
    (void)pthread_mutex_init(&connection->write_lock, NULL);
    return connection;
}

static void welcome(struct rpc_server *server, int socket)
{
    struct connection *connection = connection_new(server, socket);
    if (connection == NULL) {
        (void)close(socket);
        return;
    }
    bool is_allowed = read_peer(socket, &connection->peer) &&
                      (server->options.is_allowed == NULL ||
                       server->options.is_allowed(server->options.context, &connection->peer));
    if (!is_allowed || !remember_connection(server, connection)) {
        connection_release(connection);
        return;
    }
    if (!start_reader(connection)) {
        forget_connection(server, connection);
        connection_release(connection);
    }
}

static void *accept_main(void *argument)
{
    struct rpc_server *server = argument;
    struct pollfd entries[2] = {{.fd = server->listener, .events = POLLIN},
                                {.fd = server->stop_pipe[0], .events = POLLIN}};
    for (;;) {
        if (poll(entries, 2, -1) < 0 && errno != EINTR)
            break;
        if (entries[1].revents != 0)
            break;
        int socket = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (socket >= 0)
            welcome(server, socket);
        else if (errno == EMFILE || errno == ENFILE)
            (void)poll(NULL, 0, 50); /* out of descriptors: wait for somebody to leave */
    }
    return NULL;
}

/* ---- life ---- */

/* Whatever else lies there was not made by a server, and bind refuses it. */
static void remove_old_socket(const char *path)
{
    struct stat info;
    if (lstat(path, &info) == 0 && S_ISSOCK(info.st_mode))
        (void)unlink(path);
}

static enum error listen_at(struct rpc_server *server, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(server->options.path) >= sizeof address.sun_path)
        return fault_set(fault, ERR_CONFIG, "socket-path",
                         "A socket path is longer than 107 bytes; choose a shorter folder.", 0);
    strcpy(address.sun_path, server->options.path);
    strcpy(server->path, server->options.path);
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener < 0)
        return fault_set(fault, ERR_CONFIG, "socket",
                         "A Unix socket cannot be made: raise the unit's LimitNOFILE=, and let its "
                         "RestrictAddressFamilies= have AF_UNIX.",
                         errno);
    remove_old_socket(server->path);
    /* fchmod before bind sets the mode from the first moment on. */
    if (fchmod(server->listener, server->options.mode) != 0 ||
        bind(server->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(server->path, server->options.mode) != 0 ||
        listen(server->listener, LISTEN_BACKLOG) != 0)
        return fault_set(fault, ERR_CONFIG, "socket-bind",
                         "A socket cannot be bound: its folder must be there and belong to this "
                         "program's user (the unit's RuntimeDirectory= makes it).",
                         errno);
    return ERR_OK;
}

static void server_destroy(struct rpc_server *server)
{
    if (server->listener >= 0)
        (void)close(server->listener);
    for (int i = 0; i < 2; i++) {
        if (server->stop_pipe[i] >= 0)
            (void)close(server->stop_pipe[i]);
    }
    (void)pthread_mutex_destroy(&server->lock);
    (void)pthread_cond_destroy(&server->is_idle);
    free(server);
}

enum error rpc_server_new(const struct rpc_server_options *options, struct rpc_server **ret_server,
                          struct fault *fault)
{
    struct rpc_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    server->options = *options;
    server->listener = server->stop_pipe[0] = server->stop_pipe[1] = -1;
    (void)pthread_mutex_init(&server->lock, NULL);
    (void)pthread_cond_init(&server->is_idle, NULL);
    enum error e = listen_at(server, fault);
    if (e == ERR_OK && pipe2(server->stop_pipe, O_CLOEXEC) != 0)
        e = fault_set(fault, ERR_INTERNAL, "pipe",
                      "A pipe cannot be made: raise the unit's LimitNOFILE=.", errno);
    if (e == ERR_OK && pthread_create(&server->accept_thread, NULL, accept_main, server) != 0)
        e = fault_set(fault, ERR_INTERNAL, "thread",
                      "A thread cannot be started: raise the unit's TasksMax=.", errno);
    if (e != ERR_OK) {
        server_destroy(server);
        return e;
    }
    *ret_server = server;
    return ERR_OK;
}

void rpc_server_stop(struct rpc_server *server)
{
    if (server->is_stopped)
        return;
    server->is_stopped = true;
    (void)close(server->stop_pipe[1]);
    server->stop_pipe[1] = -1;
    (void)pthread_join(server->accept_thread, NULL);
    (void)unlink(server->path);
    (void)pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < RPC_CONNECTIONS_MAX; i++) {
        if (server->live[i] != NULL)
            (void)shutdown(server->live[i]->socket, SHUT_RD);
    }
    while (server->readers > 0)
        (void)pthread_cond_wait(&server->is_idle, &server->lock);
    (void)pthread_mutex_unlock(&server->lock);
}

void rpc_server_free(struct rpc_server *server)
{
    if (server == NULL)
        return;
    rpc_server_stop(server);
    server_destroy(server);
}

/* ---- calls ---- */

struct bytes rpc_call_request(const struct rpc_call *call)
{
    return bytes_of(call->frame.payload, call->frame.length);
}

const struct rpc_peer *rpc_call_peer(const struct rpc_call *call)
{
    return &call->connection->peer;
}

int64_t rpc_call_age_ms(const struct rpc_call *call)
{
    return clock_monotonic_ms() - call->received_ms;
}

const int *rpc_call_fds(const struct rpc_call *call, unsigned *ret_count)
{
    *ret_count = call->frame.fd_count;
    return call->frame.fds;
}

static void call_free(struct rpc_call *call)
{
    frame_clear(&call->frame);
    connection_release(call->connection);
    free(call);
}

void rpc_reply(struct rpc_call *call, struct bytes payload, const int *fds, unsigned fd_count)
{
    struct connection *connection = call->connection;
    (void)pthread_mutex_lock(&connection->write_lock);
    enum error e = frame_send(connection->socket, call->frame.id, payload, fds, fd_count,
                              deadline_in(RPC_SEND_TIMEOUT_MS));
    (void)pthread_mutex_unlock(&connection->write_lock);
    if (e != ERR_OK)
        (void)shutdown(connection->socket, SHUT_RDWR);
    call_free(call);
}

void rpc_hang_up(struct rpc_call *call)
{
    (void)shutdown(call->connection->socket, SHUT_RDWR);
    call_free(call);
}
