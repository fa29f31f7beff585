/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One change on its way to the writer and back: a function, its arguments, its answer. A batch is a
 * change of several steps, which are applied behind each other in one transaction.
 *
 * Arguments and answer live in the change's own memory, which is counted: whoever asked holds one
 * reference, the writer another. So a waiter may give up at its deadline while the change still
 * happens. The body belongs to whoever made the change until it is handed to commit_run or
 * commit_post, then to the writer, and after commit_run returned anything but ERR_TIMEOUT to the
 * asker again.
 */
#ifndef LEDGER_CHANGE_H
#define LEDGER_CHANGE_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>

#include "core/clock.h"
#include "ledger/store.h"

/* What the writer remembers of the journal. A change works on a copy, which counts when the change
 * is kept and its group is durable. */
struct change_memory {
    int64_t newest_unix_ms; /* the time of the newest leaf */
    int64_t barrier;        /* so many leaves must be anchored before a first license */
    bool is_retired;        /* the newest leaf is the last there is */
};

/* As ledger_set_anchored. */
struct change_anchored {
    int64_t size;
    int64_t unanchored_max;
};

/* What a change works on, inside the writer's transaction. */
struct change_context {
    const struct ledger_store_ops *ops;
    struct ledger_store *store;
    int64_t wall_unix_ms; /* what the clock says */
    int64_t now_unix_ms;  /* the time of the change: never before that of the newest leaf */
    struct change_anchored anchored;
    bool is_room_spent; /* the disk has less free than the reserve */
    struct change_memory memory;
};

/* No first license until the anchor covers this leaf; when the change counts. */
void change_raise_barrier(struct change_context *context, int64_t leaf_index);

/* Runs on the writer thread, inside a savepoint: an error undoes this step alone. */
typedef enum error (*change_apply)(struct change_context *context, void *body, struct fault *fault);

/* What one savepoint is for. Code and fault are the writer's until the change is done. */
struct change_step {
    alignas(max_align_t) void *body; /* what stands behind steps may be anything */
    enum error code;
    struct fault fault;
};

struct change {
    atomic_uint references;
    size_t size; /* of all of it; immutable after change_new, as apply and keeps_catalogue */
    change_apply apply;
    bool keeps_catalogue;      /* touches no product, image or principal but for the account */
    struct change_step *steps; /* immutable once the writer has the change, as step_count */
    size_t step_count;
    struct change_step only; /* the one step of a change that is no batch */
    pthread_mutex_t lock;
    pthread_cond_t is_finished;
    bool is_done;       /* guarded by lock */
    enum error code;    /* of the whole; written by the writer before is_done */
    struct fault fault; /* likewise */
    alignas(max_align_t) unsigned char body[];
};

#define CHANGE_AUTO __attribute__((cleanup(change_put_at_exit))) struct change

/* A change of one step with a zeroed body of that many bytes; NULL when memory is out. */
struct change *change_new(change_apply apply, size_t body_size) MUST_USE;
/* Makes it a batch; the steps lie in its body, each with a body that does too. The whole is then
 * ERR_OK when the transaction was kept, whatever became of each step. */
void change_set_steps(struct change *change, struct change_step *steps, size_t count);
/* Says so of a change before it is handed over; else ledger_catalogue_version moves with it. */
void change_keeps_catalogue(struct change *change);
void change_get(struct change *change);
/* Drops one reference and frees at the last. NULL is allowed. */
void change_put(struct change *change);
void change_put_at_exit(struct change **change);

/* The writer's last word, for a group that was kept (ERR_OK) or not: wakes whoever waits. */
void change_finish(struct change *change, enum error group, const struct fault *fault);
/* Waits for the writer's word and copies it to *fault; ERR_TIMEOUT when the deadline passes. */
enum error change_wait(struct change *change, deadline_ms deadline, struct fault *fault) MUST_USE;

#endif
