/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A list under one lock; deadlines are read without it. */
#include "api/watch.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define MS_PER_S 1000

void watch_init(struct watch *watch, int64_t pace_ms, uint64_t bytes_per_s)
{
    *watch = (struct watch){0};
    watch_set_pace(watch, pace_ms, bytes_per_s);
    (void)pthread_mutex_init(&watch->lock, NULL);
}

void watch_set_pace(struct watch *watch, int64_t pace_ms, uint64_t bytes_per_s)
{
    atomic_store(&watch->pace_bytes, bytes_per_s * (uint64_t)pace_ms / MS_PER_S);
    atomic_store(&watch->pace_ms, pace_ms);
}

void watch_clear(struct watch *watch)
{
    (void)pthread_mutex_destroy(&watch->lock);
}

void watch_add(struct watch *watch, struct watch_entry *entry, int socket, deadline_ms deadline)
{
    entry->socket = socket;
    atomic_init(&entry->deadline, deadline);
    atomic_init(&entry->is_reading, false);
    (void)pthread_mutex_lock(&watch->lock);
    entry->next = watch->first;
    entry->back = &watch->first;
    if (entry->next != NULL)
        entry->next->back = &entry->next;
    watch->first = entry;
    (void)pthread_mutex_unlock(&watch->lock);
    (void)atomic_fetch_add(&watch->connected, 1);
}

void watch_remove(struct watch *watch, struct watch_entry *entry)
{
    (void)pthread_mutex_lock(&watch->lock);
    bool is_listed = entry->back != NULL;
    if (is_listed) {
        *entry->back = entry->next;
        if (entry->next != NULL)
            entry->next->back = entry->back;
        entry->back = NULL;
    }
    (void)pthread_mutex_unlock(&watch->lock);
    if (is_listed)
        (void)atomic_fetch_sub(&watch->connected, 1);
}

void watch_set(struct watch_entry *entry, deadline_ms deadline)
{
    atomic_store(&entry->deadline, deadline);
    atomic_store(&entry->is_reading, false);
}

void watch_reader(const struct watch *watch, struct watch_entry *entry)
{
    atomic_store(&entry->is_marked, false);
    atomic_store(&entry->deadline, deadline_in(atomic_load(&watch->pace_ms)));
    atomic_store(&entry->is_reading, true);
}

/* What the client's kernel has said to have; 0 when ours does not tell. */
static uint64_t taken_by(int socket)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_acked : 0;
}

/* Whether a reader past its deadline has taken enough; then it has another pace. */
static bool has_read_on(const struct watch *watch, struct watch_entry *entry, int64_t deadline,
                        int64_t now_ms)
{
    if (!atomic_load(&entry->is_reading))
        return false;
    uint64_t taken = taken_by(entry->socket);
    if (atomic_load(&entry->is_marked) && taken - entry->mark < atomic_load(&watch->pace_bytes))
        return false;
    entry->mark = taken;
    atomic_store(&entry->is_marked, true);
    /* Unless the answer has ended meanwhile. */
    (void)atomic_compare_exchange_strong(&entry->deadline, &deadline,
                                         now_ms + atomic_load(&watch->pace_ms));
    return true;
}

void watch_sweep(struct watch *watch, int64_t now_ms)
{
    (void)pthread_mutex_lock(&watch->lock);
    for (struct watch_entry *entry = watch->first; entry != NULL; entry = entry->next) {
        int64_t deadline = atomic_load(&entry->deadline);
        if (deadline >= now_ms || has_read_on(watch, entry, deadline, now_ms))
            continue;
        /* Unless it has got on meanwhile. */
        if (!atomic_compare_exchange_strong(&entry->deadline, &deadline, WATCH_NEVER))
            continue;
        /* Under the lock the socket is still this connection's: it is closed after watch_remove. */
        (void)shutdown(entry->socket, SHUT_RDWR);
        (void)atomic_fetch_add(&watch->cut_off, 1);
    }
    (void)pthread_mutex_unlock(&watch->lock);
}
