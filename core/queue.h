/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bounded queue of pointers between threads.
 *
 * Pushing never waits: a full queue is an answer ("busy"), not a delay. Popping waits until a
 * deadline. After queue_close pushes fail and pops drain what is left, then return NULL. Free only
 * when no thread uses it. Threads: safe from any thread.
 */
#ifndef CORE_QUEUE_H
#define CORE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/clock.h"
#include "core/error.h"

struct queue;

/* A queue of at most capacity items; ERR_INTERNAL when memory is out. */
enum error queue_new(size_t capacity, struct queue **ret_queue) MUST_USE;
/* For at most threads threads that pop, which are workers: who began to wait last is called first,
 * see core/idle.h. */
enum error queue_new_for(size_t capacity, size_t threads, struct queue **ret_queue) MUST_USE;
/* False when the queue is full or closed; the item stays the caller's. */
bool queue_push(struct queue *queue, void *item) MUST_USE;
/* As queue_push, before all that wait: it is popped next. */
bool queue_push_first(struct queue *queue, void *item) MUST_USE;
/* The first item, or NULL when the deadline passes or a closed queue is empty. */
void *queue_pop(struct queue *queue, deadline_ms deadline) MUST_USE;
/* As queue_pop without a wait. */
void *queue_try_pop(struct queue *queue) MUST_USE;
/*
 * The oldest items while is_wanted says yes of each, at most max of them and at most a share of
 * those that wait (1: all, 2: half). Without a wait; the result is how many.
 */
size_t queue_try_pop_some(struct queue *queue, bool (*is_wanted)(const void *item), size_t share,
                          void **ret_items, size_t max) MUST_USE;
void queue_close(struct queue *queue);
bool queue_is_closed(struct queue *queue);
size_t queue_length(struct queue *queue);
/* Items that are still queued are not freed: drain first. NULL is allowed. */
void queue_free(struct queue *queue);

#endif
