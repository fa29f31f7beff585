/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Group commit. Owns the writer thread and its queue; knows no rule and no database. */
#include "ledger/commit.h"

#include <stdlib.h>

#include "core/crash_point.h"
#include "core/queue.h"

#define IDLE_WAIT_MS 60000 /* a pop needs some deadline; an idle writer just asks again */
#define POST_MAX     (LEDGER_QUEUE_MAX / 4)

struct committer {
    const struct ledger_store_ops *ops; /* immutable after init, as the three below */
    struct ledger_store *store;
    struct queue *queue;
    pthread_t thread;
    struct change_memory memory; /* of what is durable; the writer's */
    pthread_mutex_t lock;
    struct change_anchored anchored; /* guarded by lock */
};

/* One transaction's worth of changes; on the writer's stack. */
struct group {
    struct change *changes[LEDGER_GROUP_MAX];
    enum error codes[LEDGER_GROUP_MAX];
    struct fault faults[LEDGER_GROUP_MAX];
    size_t count;
    struct change_memory memory; /* of what was kept so far */
};

/* ---- the writer thread ---- */

static void take_group(struct committer *committer, struct group *group)
{
    group->count = 0;
    struct change *change = queue_pop(committer->queue, deadline_in(IDLE_WAIT_MS));
    while (change != NULL) {
        group->changes[group->count++] = change;
        change = group->count < LEDGER_GROUP_MAX ? queue_try_pop(committer->queue) : NULL;
    }
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
        .memory = group->memory,
    };
}

/* The change's own error goes to its slot; the returned one breaks the group. */
static enum error run_change(struct committer *committer, struct group *group, size_t i,
                             struct fault *fault)
{
    struct change *change = group->changes[i];
    struct change_context context = context_of(committer, group);
    enum error e = committer->ops->change_begin(committer->store, fault);
    if (e != ERR_OK)
        return e;
    group->codes[i] = change->apply(&context, change->body, &group->faults[i]);
    if (group->codes[i] != ERR_OK)
        return committer->ops->change_undo(committer->store, fault);
    e = committer->ops->change_keep(committer->store, fault);
    if (e == ERR_OK)
        group->memory = context.memory;
    return e;
}

static enum error run_group(struct committer *committer, struct group *group, struct fault *fault)
{
    enum error e = committer->ops->begin(committer->store, fault);
    group->memory = committer->memory;
    for (size_t i = 0; i < group->count && e == ERR_OK; i++)
        e = run_change(committer, group, i, fault);
    if (e == ERR_OK) {
        crash_point("ledger.before-commit");
        e = committer->ops->commit(committer->store, fault);
    }
    if (e == ERR_OK) {
        crash_point("ledger.after-commit");
        committer->memory = group->memory;
        return ERR_OK;
    }
    committer->ops->rollback(committer->store);
    /* Whatever broke the group, nothing of it happened and the same request may succeed later. */
    fault->code = ERR_LEDGER_UNAVAILABLE;
    return ERR_LEDGER_UNAVAILABLE;
}

static void finish_group(struct group *group, enum error broken, const struct fault *fault)
{
    for (size_t i = 0; i < group->count; i++) {
        if (broken != ERR_OK)
            change_finish(group->changes[i], broken, fault);
        else
            change_finish(group->changes[i], group->codes[i], &group->faults[i]);
        change_put(group->changes[i]);
    }
}

static void *run_writer(void *argument)
{
    struct committer *committer = argument;
    struct group group = {0};
    struct fault fault = {0};
    for (;;) {
        take_group(committer, &group);
        if (group.count > 0)
            finish_group(&group, run_group(committer, &group, &fault), &fault);
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
        return fault_set(fault, ERR_INTERNAL, "thread", "The writer thread cannot start.", status);
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

static bool push(struct committer *committer, struct change *change)
{
    change_get(change);
    bool is_queued = queue_push(committer->queue, change);
    if (!is_queued)
        change_put(change);
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
    return queue_length(committer->queue) < POST_MAX && push(committer, change);
}
