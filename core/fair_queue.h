/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bounded queue of pointers between threads, shared fairly between those whose items wait.
 *
 * Each item belongs to a key. Keys take turns: a pop takes the oldest item of the key that has
 * waited longest for its turn, so that one who fills his share delays another by one item, not by
 * all of his. A key has a share of those who work on popped items, too: who has it waits, whoever
 * is free; else all of them would be at work for one key when another one comes, and would share
 * the machine with him. Bounded in items, in items of one key, and in bytes that the items hold.
 * Pushing never waits. After fair_queue_close pushes fail and pops drain what is left, then return
 * NULL. Free only when no thread uses it. Threads: safe from any thread.
 */
#ifndef CORE_FAIR_QUEUE_H
#define CORE_FAIR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"

struct fair_queue;

struct fair_queue_options {
    size_t items_max;     /* 1 or more */
    size_t items_per_key; /* 1 or more */
    size_t bytes_max;
    size_t taken_max;     /* popped and not done yet, of all keys: as many as there are threads */
    size_t taken_per_key; /* 1 or more; of one key */
};

enum fair_answer {
    FAIR_TAKEN,
    FAIR_FULL,     /* or closed; the item stays the caller's, as with the next */
    FAIR_KEY_FULL, /* this key's share is used up; others may push */
};

/* ERR_INTERNAL when memory is out. */
enum error fair_queue_new(const struct fair_queue_options *options,
                          struct fair_queue **ret_queue) MUST_USE;
/* bytes is what the item holds while it waits. */
enum fair_answer fair_queue_push(struct fair_queue *queue, const struct sha256 *key, void *item,
                                 size_t bytes) MUST_USE;
/*
 * The next item, or NULL when the deadline passes or a closed queue is empty. fair_queue_done must
 * follow with the key; no more than taken_max may be without it, and no more threads may wait here.
 */
void *fair_queue_pop(struct fair_queue *queue, deadline_ms deadline,
                     struct sha256 *ret_key) MUST_USE;
/* The work on a popped item of that key is done. */
void fair_queue_done(struct fair_queue *queue, const struct sha256 *key);
void fair_queue_close(struct fair_queue *queue);
bool fair_queue_is_closed(struct fair_queue *queue);
size_t fair_queue_length(struct fair_queue *queue);
/* Items that are still queued are not freed: drain first. NULL is allowed. */
void fair_queue_free(struct fair_queue *queue);

#endif
