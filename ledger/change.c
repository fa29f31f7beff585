/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Counted memory of a change, and the meeting of asker and writer. Knows no rule and no store. */
#include "ledger/change.h"

#include <stdlib.h>

void change_raise_barrier(struct change_context *context, int64_t leaf_index)
{
    if (context->memory.barrier <= leaf_index)
        context->memory.barrier = leaf_index + 1;
}

struct change *change_new(change_apply apply, size_t body_size)
{
    struct change *change = calloc(1, sizeof *change + body_size);
    if (change == NULL)
        return NULL;
    atomic_init(&change->references, 1);
    change->size = sizeof *change + body_size;
    change->apply = apply;
    change->only.body = change->body;
    change_set_steps(change, &change->only, 1);
    (void)pthread_mutex_init(&change->lock, NULL);
    (void)pthread_cond_init(&change->is_finished, NULL);
    return change;
}

void change_set_steps(struct change *change, struct change_step *steps, size_t count)
{
    change->steps = steps;
    change->step_count = count;
}

void change_keeps_catalogue(struct change *change)
{
    change->keeps_catalogue = true;
}

void change_get(struct change *change)
{
    atomic_fetch_add(&change->references, 1);
}

void change_put(struct change *change)
{
    if (change == NULL || atomic_fetch_sub(&change->references, 1) != 1)
        return;
    (void)pthread_cond_destroy(&change->is_finished);
    (void)pthread_mutex_destroy(&change->lock);
    free(change);
}

void change_put_at_exit(struct change **change)
{
    change_put(*change);
}

void change_finish(struct change *change, enum error group, const struct fault *fault)
{
    bool is_batch = change->steps != &change->only;
    change->code = group != ERR_OK || is_batch ? group : change->only.code;
    if (change->code != ERR_OK)
        change->fault = group != ERR_OK ? *fault : change->only.fault;
    (void)pthread_mutex_lock(&change->lock);
    change->is_done = true;
    (void)pthread_mutex_unlock(&change->lock);
    /* The caller's reference keeps the change alive; the waiter need not wait for the lock. */
    (void)pthread_cond_signal(&change->is_finished);
}

enum error change_wait(struct change *change, deadline_ms deadline, struct fault *fault)
{
    struct timespec until = deadline_timespec(deadline);
    (void)pthread_mutex_lock(&change->lock);
    while (!change->is_done) {
        if (pthread_cond_clockwait(&change->is_finished, &change->lock, CLOCK_MONOTONIC, &until) !=
            0)
            break;
    }
    bool is_done = change->is_done;
    (void)pthread_mutex_unlock(&change->lock);
    if (!is_done)
        return fault_set(fault, ERR_TIMEOUT, "commit-timeout",
                         "The ledger did not commit in time; the change may have happened.", 0);
    if (change->code != ERR_OK && fault != NULL)
        *fault = change->fault;
    return change->code;
}
