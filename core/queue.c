/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Bounded ring of pointers guarded by one mutex. */
#include "core/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/idle.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t is_filled;
    struct idle *idle; /* NULL: those that wait are called in any order */
    bool is_closed;
    size_t capacity;
    size_t head;
    size_t length;
    void *items[];
};

enum error queue_new(size_t capacity, struct queue **ret_queue)
{
    struct queue *queue = calloc(1, sizeof *queue + capacity * sizeof queue->items[0]);
    if (queue == NULL)
        return ERR_INTERNAL;
    queue->capacity = capacity;
    (void)pthread_mutex_init(&queue->lock, NULL);
    (void)pthread_cond_init(&queue->is_filled, NULL);
    *ret_queue = queue;
    return ERR_OK;
}

enum error queue_new_for(size_t capacity, size_t threads, struct queue **ret_queue)
{
    struct queue *queue = NULL;
    enum error e = queue_new(capacity, &queue);
    if (e == ERR_OK)
        e = idle_new(threads, &queue->idle);
    if (e != ERR_OK) {
        queue_free(queue);
        return e;
    }
    *ret_queue = queue;
    return ERR_OK;
}

/* Somebody is woken after the lock was given back, and so does not run into it. */
static void unlock_and_call(struct queue *queue, bool is_filled)
{
    struct idle_thread *called = is_filled && queue->idle != NULL ? idle_next(queue->idle) : NULL;
    (void)pthread_mutex_unlock(&queue->lock);
    idle_call(called);
    if (is_filled && queue->idle == NULL)
        (void)pthread_cond_signal(&queue->is_filled);
}

bool queue_push(struct queue *queue, void *item)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool is_accepted = !queue->is_closed && queue->length < queue->capacity;
    if (is_accepted) {
        queue->items[(queue->head + queue->length) % queue->capacity] = item;
        queue->length++;
    }
    unlock_and_call(queue, is_accepted);
    return is_accepted;
}

bool queue_push_first(struct queue *queue, void *item)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool is_accepted = !queue->is_closed && queue->length < queue->capacity;
    if (is_accepted) {
        queue->head = (queue->head + queue->capacity - 1) % queue->capacity;
        queue->items[queue->head] = item;
        queue->length++;
    }
    unlock_and_call(queue, is_accepted);
    return is_accepted;
}

static void *take_first(struct queue *queue)
{
    if (queue->length == 0)
        return NULL;
    void *item = queue->items[queue->head];
    queue->head = (queue->head + 1) % queue->capacity;
    queue->length--;
    return item;
}

static bool must_wait(const struct queue *queue)
{
    return queue->length == 0 && !queue->is_closed;
}

/* Under the lock, as the next. */
static void wait_in_any_order(struct queue *queue, deadline_ms deadline)
{
    struct timespec until = deadline_timespec(deadline);
    int problem = 0;
    while (must_wait(queue) && problem == 0)
        problem = pthread_cond_clockwait(&queue->is_filled, &queue->lock, CLOCK_MONOTONIC, &until);
}

static void wait_idle(struct queue *queue, deadline_ms deadline)
{
    struct idle_thread *self = idle_enter(queue->idle);
    bool is_early = true;
    while (must_wait(queue) && is_early)
        is_early = idle_wait(queue->idle, self, &queue->lock, deadline);
    idle_leave(queue->idle, self);
}

void *queue_pop(struct queue *queue, deadline_ms deadline)
{
    (void)pthread_mutex_lock(&queue->lock);
    if (queue->idle == NULL)
        wait_in_any_order(queue, deadline);
    else if (must_wait(queue))
        wait_idle(queue, deadline);
    void *item = take_first(queue);
    (void)pthread_mutex_unlock(&queue->lock);
    return item;
}

void *queue_try_pop(struct queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    void *item = take_first(queue);
    (void)pthread_mutex_unlock(&queue->lock);
    return item;
}

size_t queue_try_pop_some(struct queue *queue, bool (*is_wanted)(const void *item), size_t share,
                          void **ret_items, size_t max)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&queue->lock);
    if (max > queue->length / share)
        max = queue->length / share;
    while (count < max && is_wanted(queue->items[queue->head]))
        ret_items[count++] = take_first(queue);
    (void)pthread_mutex_unlock(&queue->lock);
    return count;
}

void queue_close(struct queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->is_closed = true;
    (void)pthread_cond_broadcast(&queue->is_filled);
    if (queue->idle != NULL)
        idle_call_all(queue->idle);
    (void)pthread_mutex_unlock(&queue->lock);
}

bool queue_is_closed(struct queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool is_closed = queue->is_closed;
    (void)pthread_mutex_unlock(&queue->lock);
    return is_closed;
}

size_t queue_length(struct queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    size_t length = queue->length;
    (void)pthread_mutex_unlock(&queue->lock);
    return length;
}

void queue_free(struct queue *queue)
{
    if (queue == NULL)
        return;
    (void)pthread_mutex_destroy(&queue->lock);
    (void)pthread_cond_destroy(&queue->is_filled);
    idle_free(queue->idle);
    free(queue);
}
