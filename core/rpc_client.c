/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Multiplexing client. Two locks: `table_lock` guards the open questions, `write_lock` guards the
 * socket's life and its write side; when both are taken, write_lock comes first. The reader thread
 * alone reads, and alone closes. It reads without write_lock: a thread that holds it may wait for a
 * server that waits for us to read.
 */
#include "core/rpc_client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENT_BUCKETS         256 /* power of two */
#define CLIENT_SEND_TIMEOUT_MS 2000
#define CLIENT_REST_TIMEOUT_MS 5000
#define CLIENT_SWEEP_MS        20 /* how late a deadline may be noticed */
#define CLIENT_ADDRESS         "/dev/fd/%d"
#define CLIENT_ADDRESS_LONGEST "/dev/fd/99999"

static_assert((CLIENT_BUCKETS & (CLIENT_BUCKETS - 1)) == 0, "buckets are masked");
static_assert(offsetof(struct sockaddr_un, sun_path) + sizeof CLIENT_ADDRESS_LONGEST - 1 <
                  RPC_ADDRESS_BYTES,
              "the address of any descriptor that may be open is short enough");

struct question {
    uint64_t id;
    deadline_ms deadline;
    rpc_done done;
    void *context;
    struct question *next;
};

struct rpc_client {
    struct rpc_client_options options;
    char path[sizeof((struct sockaddr_un){0}.sun_path)];
    int wake; /* eventfd: the socket changed, or the client ends */
    pthread_t reader;

    pthread_mutex_t write_lock;
    int socket; /* -1 while not connected; written under both locks, read under either */

    pthread_mutex_t table_lock;
    bool is_ending;
    bool is_asleep; /* the reader polls without a timeout: a question must wake it */
    uint64_t last_id;
    size_t open;
    struct question *buckets[CLIENT_BUCKETS];
};

/* ---- the table of open questions ---- */

static struct question **bucket_of(struct rpc_client *client, uint64_t id)
{
    return &client->buckets[id & (CLIENT_BUCKETS - 1)];
}

static struct question *table_take(struct rpc_client *client, uint64_t id)
{
    struct question *found = NULL;
    (void)pthread_mutex_lock(&client->table_lock);
    for (struct question **q = bucket_of(client, id); *q != NULL; q = &(*q)->next) {
        if ((*q)->id == id) {
            found = *q;
            *q = found->next;
            client->open--;
            break;
        }
    }
    (void)pthread_mutex_unlock(&client->table_lock);
    return found;
}

/* The question's id, or 0 when there is no room. From then on the question is the reader's to end,
 * which must be woken for that when *ret_must_wake says so. */
static uint64_t table_add(struct rpc_client *client, struct question *question, bool *ret_must_wake)
{
    uint64_t id = 0;
    (void)pthread_mutex_lock(&client->table_lock);
    if (client->open < RPC_OPEN_MAX && !client->is_ending) {
        *ret_must_wake = client->is_asleep;
        client->is_asleep = false;
        id = question->id = ++client->last_id;
        struct question **bucket = bucket_of(client, id);
        question->next = *bucket;
        *bucket = question;
        client->open++;
    }
    (void)pthread_mutex_unlock(&client->table_lock);
    return id;
}

/* Unlinks every question whose deadline is at or before limit and returns them as a list. */
static struct question *table_take_due(struct rpc_client *client, deadline_ms limit)
{
    struct question *due = NULL;
    (void)pthread_mutex_lock(&client->table_lock);
    for (size_t i = 0; i < CLIENT_BUCKETS && client->open > 0; i++) {
        for (struct question **q = &client->buckets[i]; *q != NULL;) {
            struct question *one = *q;
            if (one->deadline > limit) {
                q = &one->next;
                continue;
            }
            *q = one->next;
            one->next = due;
            due = one;
            client->open--;
        }
    }
    (void)pthread_mutex_unlock(&client->table_lock);
    return due;
}

static void finish(struct question *question, enum error code, struct frame *answer)
{
    question->done(question->context, code, answer);
    if (answer != NULL)
        frame_clear(answer);
    free(question);
}

static void finish_all(struct question *list, enum error code)
{
    while (list != NULL) {
        struct question *next = list->next;
        finish(list, code, NULL);
        list = next;
    }
}

/* ---- the connection ---- */

static void wake_reader(struct rpc_client *client)
{
    uint64_t one = 1;
    (void)!write(client->wake, &one, sizeof one);
}

/* Under write_lock. */
static void set_socket(struct rpc_client *client, int socket)
{
    (void)pthread_mutex_lock(&client->table_lock);
    client->socket = socket;
    (void)pthread_mutex_unlock(&client->table_lock);
}

static int current_socket(struct rpc_client *client, bool *ret_is_ending)
{
    (void)pthread_mutex_lock(&client->table_lock);
    int socket = client->socket;
    *ret_is_ending = client->is_ending;
    (void)pthread_mutex_unlock(&client->table_lock);
    return socket;
}

/* By a descriptor of the file that the other program's socket is: its name may be of any length. */
static bool connect_to(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int place = open(path, O_PATH | O_CLOEXEC);
    if (place < 0)
        return false;
    int length = snprintf(address.sun_path, sizeof address.sun_path, CLIENT_ADDRESS, place);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length);
    bool is_connected = connect(fd, (struct sockaddr *)&address, size) == 0;
    (void)close(place);
    return is_connected;
}

/* Under write_lock. */
static bool connect_now(struct rpc_client *client)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    if (!connect_to(fd, client->path)) {
        (void)close(fd);
        return false;
    }
    set_socket(client, fd);
    wake_reader(client);
    return true;
}

static enum error send_question(struct rpc_client *client, uint64_t id, struct bytes payload,
                                const int *fds, unsigned fd_count)
{
    enum error e = client->options.unavailable;
    (void)pthread_mutex_lock(&client->write_lock);
    if (client->socket >= 0 || connect_now(client)) {
        e = frame_send(client->socket, id, payload, fds, fd_count,
                       deadline_in(CLIENT_SEND_TIMEOUT_MS));
        if (e != ERR_OK) {
            (void)shutdown(client->socket, SHUT_RDWR); /* the reader closes and cleans up */
            e = client->options.unavailable;
        }
    }
    (void)pthread_mutex_unlock(&client->write_lock);
    return e;
}

static void disconnect(struct rpc_client *client)
{
    bool is_ending = false;
    int socket = current_socket(client, &is_ending);
    if (socket >= 0)
        (void)shutdown(socket, SHUT_RDWR); /* whoever waits to send gives write_lock back */
    (void)pthread_mutex_lock(&client->write_lock);
    if (client->socket >= 0)
        (void)close(client->socket);
    set_socket(client, -1);
    /* Under write_lock: nothing sent on a newer connection can be among these. */
    struct question *lost = table_take_due(client, INT64_MAX);
    (void)pthread_mutex_unlock(&client->write_lock);
    finish_all(lost, client->options.unavailable);
}

/* ---- the reader ---- */

static void read_answer(struct rpc_client *client, int socket)
{
    struct frame frame;
    enum error e = frame_receive(socket, client->options.reply_max, client->options.accepts_fds, 0,
                                 CLIENT_REST_TIMEOUT_MS, &frame);
    if (e != ERR_OK) {
        disconnect(client);
        return;
    }
    struct question *question = table_take(client, frame.id);
    if (question == NULL)
        frame_clear(&frame); /* answered too late: its deadline has passed */
    else
        finish(question, ERR_OK, &frame);
}

/* To wake the reader costs more than to let it look up in vain: it sleeps only once it has done so
 * with no question open. */
static int poll_timeout(struct rpc_client *client, bool was_idle)
{
    (void)pthread_mutex_lock(&client->table_lock);
    client->is_asleep = was_idle && client->open == 0;
    int timeout = client->is_asleep ? -1 : CLIENT_SWEEP_MS;
    (void)pthread_mutex_unlock(&client->table_lock);
    return timeout;
}

static void *reader_main(void *argument)
{
    struct rpc_client *client = argument;
    int64_t swept = clock_monotonic_ms();
    bool was_idle = true;
    for (;;) {
        bool is_ending = false;
        int socket = current_socket(client, &is_ending);
        if (is_ending)
            break;
        struct pollfd entries[2] = {{.fd = client->wake, .events = POLLIN},
                                    {.fd = socket, .events = POLLIN}};
        was_idle = poll(entries, 2, poll_timeout(client, was_idle)) == 0;
        if (entries[0].revents != 0) {
            uint64_t count;
            (void)!read(client->wake, &count, sizeof count);
        }
        if (socket >= 0 && entries[1].revents != 0)
            read_answer(client, socket);
        int64_t now = clock_monotonic_ms();
        if (now - swept >= CLIENT_SWEEP_MS) {
            finish_all(table_take_due(client, now), ERR_TIMEOUT);
            swept = now;
        }
    }
    disconnect(client);
    return NULL;
}

/* ---- life ---- */

enum error rpc_client_new(const struct rpc_client_options *options, struct rpc_client **ret_client)
{
    if (strlen(options->path) >= sizeof((struct sockaddr_un){0}.sun_path))
        return ERR_CONFIG;
    struct rpc_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return ERR_INTERNAL;
    client->options = *options;
    strcpy(client->path, options->path);
    client->options.path = client->path;
    client->socket = -1;
    client->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&client->write_lock, NULL);
    (void)pthread_mutex_init(&client->table_lock, NULL);
    if (client->wake < 0 || pthread_create(&client->reader, NULL, reader_main, client) != 0) {
        if (client->wake >= 0)
            (void)close(client->wake);
        free(client);
        return ERR_INTERNAL;
    }
    *ret_client = client;
    return ERR_OK;
}

void rpc_client_free(struct rpc_client *client)
{
    if (client == NULL)
        return;
    (void)pthread_mutex_lock(&client->table_lock);
    client->is_ending = true;
    (void)pthread_mutex_unlock(&client->table_lock);
    wake_reader(client);
    (void)pthread_join(client->reader, NULL);
    (void)close(client->wake);
    (void)pthread_mutex_destroy(&client->write_lock);
    (void)pthread_mutex_destroy(&client->table_lock);
    free(client);
}

/* ---- asking ---- */

void rpc_client_send(struct rpc_client *client, struct bytes payload, const int *fds,
                     unsigned fd_count, deadline_ms deadline, rpc_done done, void *context)
{
    struct question *question = calloc(1, sizeof *question);
    if (question == NULL) {
        done(context, ERR_BUSY, NULL);
        return;
    }
    *question = (struct question){.deadline = deadline, .done = done, .context = context};
    bool must_wake = false;
    uint64_t id = table_add(client, question, &must_wake);
    if (id == 0) {
        free(question);
        done(context, ERR_BUSY, NULL);
        return;
    }
    if (must_wake)
        wake_reader(client); /* so that its next poll has a timeout */
    enum error e = send_question(client, id, payload, fds, fd_count);
    /* The reader may have ended the question meanwhile; whoever takes it out finishes it. */
    if (e != ERR_OK && (question = table_take(client, id)) != NULL)
        finish(question, e, NULL);
}

struct waiter {
    sem_t is_done;
    enum error code;
    struct frame answer;
};

static void wake_waiter(void *context, enum error code, struct frame *answer)
{
    struct waiter *waiter = context;
    waiter->code = code;
    if (answer != NULL) {
        waiter->answer = *answer;
        *answer = (struct frame){0};
    }
    (void)sem_post(&waiter->is_done); /* from here on it is gone */
}

enum error rpc_client_call(struct rpc_client *client, struct bytes payload, const int *fds,
                           unsigned fd_count, deadline_ms deadline, struct frame *ret_answer)
{
    struct waiter waiter = {0};
    (void)sem_init(&waiter.is_done, 0, 0);
    rpc_client_send(client, payload, fds, fd_count, deadline, wake_waiter, &waiter);
    /* No deadline here: the reader thread ends every question at its own. */
    while (sem_wait(&waiter.is_done) != 0) /* a signal came */
        continue;
    (void)sem_destroy(&waiter.is_done);
    if (waiter.code == ERR_OK)
        *ret_answer = waiter.answer;
    return waiter.code;
}
