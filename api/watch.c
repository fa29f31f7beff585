/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A list under one lock; deadlines are read without it. */
#include "api/watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

void watch_init(struct watch *watch)
{
    *watch = (struct watch){0};
    (void)pthread_mutex_init(&watch->lock, NULL);
}

void watch_clear(struct watch *watch)
{
    (void)pthread_mutex_destroy(&watch->lock);
}

void watch_add(struct watch *watch, struct watch_entry *entry, int socket, deadline_ms deadline)
{
    entry->socket = socket;
    atomic_init(&entry->deadline, deadline);
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
}

void watch_sweep(struct watch *watch, int64_t now_ms)
{
    (void)pthread_mutex_lock(&watch->lock);
    for (struct watch_entry *entry = watch->first; entry != NULL; entry = entry->next) {
        if (atomic_load(&entry->deadline) >= now_ms)
            continue;
        /* Under the lock the socket is still this connection's: it is closed after watch_remove. */
        (void)shutdown(entry->socket, SHUT_RDWR);
        watch_set(entry, WATCH_NEVER);
        (void)atomic_fetch_add(&watch->cut_off, 1);
    }
    (void)pthread_mutex_unlock(&watch->lock);
}
