/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One lane per key that has items, waiting or taken, found by hash; and a ring, in the order of
 * their turns, of the lanes that have waiting items and may have another one taken. All nodes are
 * made at the start: as many as items may wait, and a lane for each item that waits or is taken.
 */
#include "core/fair_queue.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/idle.h"

struct node {
    void *item;
    size_t bytes;
    struct node *next; /* of its lane, or of the unused ones */
};

struct lane {
    struct sha256 key;
    size_t length;
    size_t taken;
    bool is_in_ring;
    struct node *first;
    struct node *last;
    struct lane *next_turn; /* of the ring, or of the unused ones */
    struct lane *next_hash;
};

struct fair_queue {
    struct fair_queue_options options; /* immutable */
    pthread_mutex_t lock;              /* guards everything below */
    struct idle *idle;
    struct idle_thread *called; /* when the lock is given back; or NULL */
    bool is_closed;
    size_t length;
    size_t bytes;
    struct lane *turn; /* whose turn is next; NULL: nothing may be taken */
    struct lane *last_turn;
    struct node *unused_nodes;
    struct lane *unused_lanes;
    struct lane **buckets; /* items_max of them */
    struct lane *lanes;
    struct node *nodes;
};

/* ---- life ---- */

static size_t lanes_max(const struct fair_queue_options *options)
{
    return options->items_max + options->taken_max;
}

static void link_unused(struct fair_queue *queue)
{
    for (size_t i = 0; i < queue->options.items_max; i++) {
        queue->nodes[i].next = queue->unused_nodes;
        queue->unused_nodes = &queue->nodes[i];
    }
    for (size_t i = 0; i < lanes_max(&queue->options); i++) {
        queue->lanes[i].next_turn = queue->unused_lanes;
        queue->unused_lanes = &queue->lanes[i];
    }
}

enum error fair_queue_new(const struct fair_queue_options *options, struct fair_queue **ret_queue)
{
    struct fair_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return ERR_INTERNAL;
    queue->options = *options;
    (void)pthread_mutex_init(&queue->lock, NULL);
    queue->nodes = calloc(options->items_max, sizeof *queue->nodes);
    queue->lanes = calloc(lanes_max(options), sizeof *queue->lanes);
    queue->buckets = calloc(options->items_max, sizeof(struct lane *));
    if (queue->nodes == NULL || queue->lanes == NULL || queue->buckets == NULL ||
        idle_new(options->taken_max, &queue->idle) != ERR_OK) {
        fair_queue_free(queue);
        return ERR_INTERNAL;
    }
    link_unused(queue);
    *ret_queue = queue;
    return ERR_OK;
}

void fair_queue_free(struct fair_queue *queue)
{
    if (queue == NULL)
        return;
    (void)pthread_mutex_destroy(&queue->lock);
    idle_free(queue->idle);
    free(queue->nodes);
    free(queue->lanes);
    free(queue->buckets);
    free(queue);
}

static void unlock(struct fair_queue *queue)
{
    struct idle_thread *called = queue->called;
    queue->called = NULL;
    (void)pthread_mutex_unlock(&queue->lock);
    idle_call(called);
}

/* ---- lanes, under the lock ---- */

static struct lane **bucket_of(struct fair_queue *queue, const struct sha256 *key)
{
    uint64_t hash = 0;
    memcpy(&hash, key->bytes, sizeof hash);
    return &queue->buckets[hash % queue->options.items_max];
}

static struct lane *find_lane(struct fair_queue *queue, const struct sha256 *key)
{
    struct lane *lane = *bucket_of(queue, key);
    while (lane != NULL && !sha256_equal(&lane->key, key))
        lane = lane->next_hash;
    return lane;
}

/* A lane gets its next turn as soon as there is something to take and its share allows it. */
static void enter_ring(struct fair_queue *queue, struct lane *lane)
{
    if (lane->is_in_ring || lane->length == 0 || lane->taken >= queue->options.taken_per_key)
        return;
    lane->is_in_ring = true;
    lane->next_turn = NULL;
    if (queue->turn == NULL)
        queue->turn = lane;
    else
        queue->last_turn->next_turn = lane;
    queue->last_turn = lane;
    queue->called = idle_next(queue->idle); /* at most once before the lock is given back */
}

/* A lane for a key that has none; there is one for each item. */
static struct lane *open_lane(struct fair_queue *queue, const struct sha256 *key)
{
    struct lane **bucket = bucket_of(queue, key);
    struct lane *lane = queue->unused_lanes;
    queue->unused_lanes = lane->next_turn;
    *lane = (struct lane){.key = *key, .next_hash = *bucket};
    *bucket = lane;
    return lane;
}

static void close_lane(struct fair_queue *queue, struct lane *lane)
{
    struct lane **link = bucket_of(queue, &lane->key);
    while (*link != lane)
        link = &(*link)->next_hash;
    *link = lane->next_hash;
    lane->next_turn = queue->unused_lanes;
    queue->unused_lanes = lane;
}

/* ---- pushing and popping ---- */

static void append(struct fair_queue *queue, struct lane *lane, void *item, size_t bytes)
{
    struct node *node = queue->unused_nodes;
    queue->unused_nodes = node->next;
    *node = (struct node){.item = item, .bytes = bytes};
    if (lane->first == NULL)
        lane->first = node;
    else
        lane->last->next = node;
    lane->last = node;
    lane->length++;
    queue->length++;
    queue->bytes += bytes;
}

static enum fair_answer push(struct fair_queue *queue, const struct sha256 *key, void *item,
                             size_t bytes)
{
    struct lane *lane = find_lane(queue, key);
    if (queue->is_closed)
        return FAIR_FULL;
    if (lane != NULL && lane->length == queue->options.items_per_key)
        return FAIR_KEY_FULL;
    if (queue->length == queue->options.items_max ||
        bytes > queue->options.bytes_max - queue->bytes)
        return FAIR_FULL;
    if (lane == NULL)
        lane = open_lane(queue, key);
    append(queue, lane, item, bytes);
    enter_ring(queue, lane);
    return FAIR_TAKEN;
}

enum fair_answer fair_queue_push(struct fair_queue *queue, const struct sha256 *key, void *item,
                                 size_t bytes)
{
    (void)pthread_mutex_lock(&queue->lock);
    enum fair_answer answer = push(queue, key, item, bytes);
    unlock(queue);
    return answer;
}

/* The oldest item of the lane whose turn it is; the lane goes to the end of the ring. */
static void *take(struct fair_queue *queue, struct sha256 *ret_key)
{
    struct lane *lane = queue->turn;
    struct node *node = lane->first;
    void *item = node->item;
    lane->first = node->next;
    lane->length--;
    lane->taken++;
    queue->length--;
    queue->bytes -= node->bytes;
    node->next = queue->unused_nodes;
    queue->unused_nodes = node;
    queue->turn = lane->next_turn;
    lane->is_in_ring = false;
    enter_ring(queue, lane);
    *ret_key = lane->key;
    return item;
}

static bool is_drained(const struct fair_queue *queue)
{
    return queue->is_closed && queue->length == 0;
}

/* Under the lock, until there is something to take, or nothing will come. */
static void wait_for_item(struct fair_queue *queue, deadline_ms deadline)
{
    struct idle_thread *self = idle_enter(queue->idle);
    bool is_early = true;
    while (queue->turn == NULL && !is_drained(queue) && is_early)
        is_early = idle_wait(queue->idle, self, &queue->lock, deadline);
    idle_leave(queue->idle, self);
}

void *fair_queue_pop(struct fair_queue *queue, deadline_ms deadline, struct sha256 *ret_key)
{
    (void)pthread_mutex_lock(&queue->lock);
    if (queue->turn == NULL && !is_drained(queue))
        wait_for_item(queue, deadline);
    void *item = queue->turn != NULL ? take(queue, ret_key) : NULL;
    if (is_drained(queue))
        idle_call_all(queue->idle);
    unlock(queue);
    return item;
}

void fair_queue_done(struct fair_queue *queue, const struct sha256 *key)
{
    (void)pthread_mutex_lock(&queue->lock);
    struct lane *lane = find_lane(queue, key);
    lane->taken--;
    if (lane->length == 0 && lane->taken == 0)
        close_lane(queue, lane);
    else
        enter_ring(queue, lane);
    unlock(queue);
}

void fair_queue_close(struct fair_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->is_closed = true;
    idle_call_all(queue->idle);
    (void)pthread_mutex_unlock(&queue->lock);
}

bool fair_queue_is_closed(struct fair_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool is_closed = queue->is_closed;
    (void)pthread_mutex_unlock(&queue->lock);
    return is_closed;
}

size_t fair_queue_length(struct fair_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    size_t length = queue->length;
    (void)pthread_mutex_unlock(&queue->lock);
    return length;
}
