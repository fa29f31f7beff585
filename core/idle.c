/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A place for each thread, in a list of those that wait or in one of those that are unused. A place
 * stays where it is until the end: who is called late finds at worst another thread in it. */
#include "core/idle.h"

#include <assert.h>
#include <stdlib.h>

struct idle_thread {
    pthread_cond_t is_called;
    bool is_listed; /* it can be called */
    struct idle_thread *next;
};

struct idle {
    struct idle_thread *waiting; /* the newest first */
    struct idle_thread *unused;
    size_t count;
    struct idle_thread places[];
};

enum error idle_new(size_t threads, struct idle **ret_idle)
{
    struct idle *idle = calloc(1, sizeof *idle + threads * sizeof idle->places[0]);
    if (idle == NULL)
        return ERR_INTERNAL;
    idle->count = threads;
    for (size_t i = 0; i < threads; i++) {
        (void)pthread_cond_init(&idle->places[i].is_called, NULL);
        idle->places[i].next = idle->unused;
        idle->unused = &idle->places[i];
    }
    *ret_idle = idle;
    return ERR_OK;
}

void idle_free(struct idle *idle)
{
    if (idle == NULL)
        return;
    for (size_t i = 0; i < idle->count; i++)
        (void)pthread_cond_destroy(&idle->places[i].is_called);
    free(idle);
}

static void unlist(struct idle *idle, struct idle_thread *thread)
{
    struct idle_thread **link = &idle->waiting;
    if (!thread->is_listed)
        return;
    while (*link != thread)
        link = &(*link)->next;
    *link = thread->next;
    thread->is_listed = false;
}

struct idle_thread *idle_enter(struct idle *idle)
{
    struct idle_thread *thread = idle->unused;
    assert(thread != NULL);
    idle->unused = thread->next;
    return thread;
}

bool idle_wait(struct idle *idle, struct idle_thread *thread, pthread_mutex_t *lock,
               deadline_ms deadline)
{
    struct timespec until = deadline_timespec(deadline);
    if (!thread->is_listed) {
        thread->is_listed = true;
        thread->next = idle->waiting;
        idle->waiting = thread;
    }
    return pthread_cond_clockwait(&thread->is_called, lock, CLOCK_MONOTONIC, &until) == 0;
}

void idle_leave(struct idle *idle, struct idle_thread *thread)
{
    unlist(idle, thread);
    thread->next = idle->unused;
    idle->unused = thread;
}

struct idle_thread *idle_next(struct idle *idle)
{
    struct idle_thread *thread = idle->waiting;
    if (thread != NULL)
        unlist(idle, thread);
    return thread;
}

void idle_call(struct idle_thread *thread)
{
    if (thread != NULL)
        (void)pthread_cond_signal(&thread->is_called);
}

void idle_call_all(struct idle *idle)
{
    for (struct idle_thread *thread = idle->waiting; thread != NULL; thread = thread->next)
        idle_call(thread);
}
