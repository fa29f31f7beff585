/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Group commit. Owns the writer thread and its queue; knows no rule and no database. */
#include "ledger/commit.h"

#include <sched.h>
#include <stdlib.h>

#include "core/crash_point.h"
#include "core/histogram.h"
#include "core/queue.h"

#define IDLE_WAIT_MS 60000 /* a pop needs some deadline; an idle writer just asks again */
#define POST_SHARE   4

struct committer {
    const struct ledger_store_ops *ops; /* immutable after init, as the three below */
    struct ledger_store *store;
    struct queue *queue;
    pthread_t thread;
    struct change_memory memory;  /* of what is durable; the writer's */
    struct histogram durations;   /* of groups that were kept */
    atomic_uint_fast64_t kept;    /* changes in them; a batch counts its steps */
    atomic_size_t bytes;          /* of changes that wait or are applied */
    atomic_int_fast64_t reserve;  /* bytes of the disk; see room.c */
    atomic_bool is_retired;       /* memory.is_retired, for all to read */
    atomic_uint_fast64_t version; /* moves with the catalogue */
    atomic_int_fast64_t newest;   /* memory.newest_unix_ms, for all to read */
    atomic_int_fast64_t begun_ms; /* when the group under way began, monotonic; 0: there is none */
    pthread_mutex_t lock;         /* guards the rest */
    struct change_anchored anchored;
    struct fault broken; /* why the newest group broke; ERR_OK: it was kept */
    int64_t broken_ms;
};

/* One transaction's worth of changes; on the writer's stack. */
struct group {
    struct change *changes[LEDGER_GROUP_MAX];
    size_t count;
    size_t steps; /* of all of them */
    size_t kept;  /* steps that were applied and not undone */
    bool is_room_spent;
    struct change_memory memory; /* of what was kept so far */
};

/* ---- the writer thread ---- */

/* A batch is taken whole: its steps may be more than there is room for. False: nothing more fits
 * or waits. */
static bool take_change(struct group *group, struct change *change)
{
    if (change == NULL)
        return false;
    group->changes[group->count++] = change;
    group->steps += change->step_count;
    return group->steps < LEDGER_GROUP_MAX;
}

/*
 * A group costs much and a change in it little. So threads that could run at this moment run first,
 * for they may have changes, too: on a machine with nothing else to do it is no delay.
 */
static void take_group(struct committer *committer, struct group *group)
{
    group->count = 0;
    group->steps = 0;
    bool has_room = take_change(group, queue_pop(committer->queue, deadline_in(IDLE_WAIT_MS)));
    if (has_room)
        (void)sched_yield();
    while (has_room && queue_length(committer->queue) > 0)
        has_room = take_change(group, queue_try_pop(committer->queue));
}

static struct change_anchored anchored_now(struct committer *committer)
{
    (void)pthread_mutex_lock(&committer->lock);
    struct change_anchored anchored = committer->anchored;
    (void)pthread_mutex_unlock(&committer->lock);
    return anchored;
}

static struct change_context context_of(struct committer *committer, const struct group *group)
{
    int64_t wall = clock_unix_ms();
    int64_t newest = group->memory.newest_unix_ms;
    return (struct change_context){
        .ops = committer->ops,
        .store = committer->store,
        .wall_unix_ms = wall,
        .now_unix_ms = wall > newest ? wall : newest,
        .anchored = anchored_now(committer),
        .is_room_spent = group->is_room_spent,
        .memory = group->memory,
    };
}

/* The step's own error stays with it; the returned one breaks the group. */
static enum error run_step(struct committer *committer, struct group *group, change_apply apply,
                           struct change_step *step, struct fault *fault)
{
    struct change_context context = context_of(committer, group);
    enum error e = committer->ops->change_begin(committer->store, fault);
    if (e != ERR_OK)
        return e;
    step->code = apply(&context, step->body, &step->fault);
    if (step->code != ERR_OK)
        return committer->ops->change_undo(committer->store, fault);
    e = committer->ops->change_keep(committer->store, fault);
    if (e == ERR_OK) {
        group->memory = context.memory;
        group->kept++;
    }
    return e;
}

static enum error run_change(struct committer *committer, struct group *group,
                             struct change *change, struct fault *fault)
{
    enum error e = ERR_OK;
    for (size_t i = 0; i < change->step_count && e == ERR_OK; i++)
        e = run_step(committer, group, change->apply, &change->steps[i], fault);
    return e;
}

static void note_commit(struct committer *committer, const struct group *group, int64_t begun_us)
{
    histogram_note(&committer->durations, clock_monotonic_us() - begun_us);
    (void)atomic_fetch_add_explicit(&committer->kept, group->kept, memory_order_relaxed);
}

int64_t committer_reserve(struct committer *committer)
{
    return atomic_load_explicit(&committer->reserve, memory_order_relaxed);
}

void committer_set_reserve(struct committer *committer, int64_t bytes)
{
    atomic_store_explicit(&committer->reserve, bytes, memory_order_relaxed);
}

int64_t committer_newest_unix_ms(struct committer *committer)
{
    return atomic_load_explicit(&committer->newest, memory_order_relaxed);
}

bool committer_is_retired(struct committer *committer)
{
    return atomic_load(&committer->is_retired);
}

uint64_t committer_version(struct committer *committer)
{
    return atomic_load(&committer->version);
}

static enum error run_group(struct committer *committer, struct group *group, struct fault *fault)
{
    int64_t begun_us = clock_monotonic_us();
    enum error e = committer->ops->begin(committer->store, fault);
    group->memory = committer->memory;
    group->kept = 0;
    group->is_room_spent =
        committer->ops->free_bytes(committer->store) < committer_reserve(committer);
    for (size_t i = 0; i < group->count && e == ERR_OK; i++)
        e = run_change(committer, group, group->changes[i], fault);
    if (e == ERR_OK) {
        crash_point("ledger.before-commit");
        e = committer->ops->commit(committer->store, fault);
    }
    if (e == ERR_OK) {
        crash_point("ledger.after-commit");
        committer->memory = group->memory;
        atomic_store(&committer->is_retired, group->memory.is_retired);
        atomic_store_explicit(&committer->newest, group->memory.newest_unix_ms,
                              memory_order_relaxed);
        note_commit(committer, group, begun_us);
        return ERR_OK;
    }
    committer->ops->rollback(committer->store);
    /* Whatever broke the group, nothing of it happened and the same request may succeed later. */
    fault->code = ERR_LEDGER_UNAVAILABLE;
    return ERR_LEDGER_UNAVAILABLE;
}

/* Whether the group was kept or not: who reads once more errs in no case. */
static void note_catalogue(struct committer *committer, const struct group *group)
{
    bool is_kept = true;
    for (size_t i = 0; i < group->count; i++)
        is_kept = is_kept && group->changes[i]->keeps_catalogue;
    if (!is_kept)
        (void)atomic_fetch_add(&committer->version, 1);
}

static void finish_group(struct committer *committer, struct group *group, enum error broken,
                         const struct fault *fault)
{
    for (size_t i = 0; i < group->count; i++) {
        (void)atomic_fetch_sub(&committer->bytes, group->changes[i]->size);
        change_finish(group->changes[i], broken, fault);
        change_put(group->changes[i]);
    }
}

static void note_end(struct committer *committer, enum error broken, const struct fault *fault)
{
    (void)pthread_mutex_lock(&committer->lock);
    committer->broken = broken == ERR_OK ? (struct fault){.code = ERR_OK} : *fault;
    committer->broken_ms = clock_monotonic_ms();
    (void)pthread_mutex_unlock(&committer->lock);
}

static void serve_group(struct committer *committer, struct group *group)
{
    struct fault fault = {0};
    atomic_store(&committer->begun_ms, clock_monotonic_ms());
    enum error broken = run_group(committer, group, &fault);
    note_end(committer, broken, &fault);
    note_catalogue(committer, group); /* before anybody hears of the change */
    finish_group(committer, group, broken, &fault);
    atomic_store(&committer->begun_ms, 0);
}

static void *run_writer(void *argument)
{
    struct committer *committer = argument;
    struct group group = {0};
    for (;;) {
        take_group(committer, &group);
        if (group.count > 0)
            serve_group(committer, &group);
        else if (queue_is_closed(committer->queue) && queue_length(committer->queue) == 0)
            return NULL;
    }
}

/* ---- asking ---- */

enum error committer_new(const struct ledger_store_ops *ops, struct ledger_store *store,
                         struct committer **ret_committer, struct fault *fault)
{
    struct committer *committer = calloc(1, sizeof *committer);
    if (committer == NULL || queue_new(LEDGER_QUEUE_MAX, &committer->queue) != ERR_OK) {
        free(committer);
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    }
    committer->ops = ops;
    committer->store = store;
    (void)pthread_mutex_init(&committer->lock, NULL);
    int status = pthread_create(&committer->thread, NULL, run_writer, committer);
    if (status != 0) {
        (void)pthread_mutex_destroy(&committer->lock);
        queue_free(committer->queue);
        free(committer);
        return fault_set(fault, ERR_INTERNAL, "thread",
                         "The writer thread cannot start: raise the unit's TasksMax=.", status);
    }
    *ret_committer = committer;
    return ERR_OK;
}

void committer_free(struct committer *committer)
{
    if (committer == NULL)
        return;
    queue_close(committer->queue);
    (void)pthread_join(committer->thread, NULL);
    (void)pthread_mutex_destroy(&committer->lock);
    queue_free(committer->queue);
    free(committer);
}

void committer_set_anchored(struct committer *committer, const struct change_anchored *anchored)
{
    (void)pthread_mutex_lock(&committer->lock);
    committer->anchored = *anchored;
    (void)pthread_mutex_unlock(&committer->lock);
}

void committer_read(struct committer *committer, struct ledger_commits *ret_commits)
{
    histogram_read(&committer->durations, &ret_commits->durations);
    ret_commits->changes = atomic_load_explicit(&committer->kept, memory_order_relaxed);
}

enum error committer_broken(struct committer *committer, int64_t *ret_age_ms, struct fault *fault)
{
    (void)pthread_mutex_lock(&committer->lock);
    struct fault broken = committer->broken;
    *ret_age_ms = clock_monotonic_ms() - committer->broken_ms;
    (void)pthread_mutex_unlock(&committer->lock);
    if (broken.code != ERR_OK)
        *fault = broken;
    return broken.code;
}

int64_t committer_under_way_ms(struct committer *committer)
{
    int64_t begun_ms = atomic_load(&committer->begun_ms);
    return begun_ms == 0 ? 0 : clock_monotonic_ms() - begun_ms;
}

static bool take_room(struct committer *committer, size_t bytes)
{
    if (atomic_fetch_add(&committer->bytes, bytes) + bytes <= LEDGER_QUEUE_BYTES)
        return true;
    (void)atomic_fetch_sub(&committer->bytes, bytes);
    return false;
}

static bool push(struct committer *committer, struct change *change)
{
    size_t size = change->size;
    if (!take_room(committer, size))
        return false;
    change_get(change);
    bool is_queued = queue_push(committer->queue, change);
    if (!is_queued) {
        (void)atomic_fetch_sub(&committer->bytes, size);
        change_put(change);
    }
    return is_queued;
}

enum error commit_run(struct committer *committer, struct change *change, struct fault *fault)
{
    deadline_ms deadline = deadline_in(LEDGER_COMMIT_TIMEOUT_MS);
    if (!push(committer, change))
        return fault_set(fault, ERR_BUSY, "ledger-queue-full",
                         "Too many changes wait for the ledger.", 0);
    return change_wait(change, deadline, fault);
}

bool commit_post(struct committer *committer, struct change *change)
{
    return queue_length(committer->queue) < LEDGER_QUEUE_MAX / POST_SHARE &&
           atomic_load(&committer->bytes) < LEDGER_QUEUE_BYTES / POST_SHARE &&
           push(committer, change);
}
