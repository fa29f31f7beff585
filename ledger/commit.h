/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one writer thread: takes all changes that wait, applies each in a savepoint of its own,
 * commits them together and only then wakes those who asked.
 *
 * There is no delay by design: a lone change commits at once, and groups form by themselves while a
 * commit is running. A batch is one place in the queue and whole in its group. When the commit
 * fails, every change of the group fails and none is visible. Threads: commit_run and commit_post
 * are safe from any thread.
 */
#ifndef LEDGER_COMMIT_H
#define LEDGER_COMMIT_H

#include "ledger/change.h"

struct committer;

/* Starts the thread; the store stays the caller's and must outlive the committer. */
enum error committer_new(const struct ledger_store_ops *ops, struct ledger_store *store,
                         struct committer **ret_committer, struct fault *fault) MUST_USE;
/* Commits what waits, ends the thread, frees. NULL is allowed. */
void committer_free(struct committer *committer);

/* Bytes of the disk that first licenses leave alone; 0 at first. */
void committer_set_reserve(struct committer *committer, int64_t bytes);
int64_t committer_reserve(struct committer *committer);
/* The time of the newest durable leaf that this process wrote; 0: it has written none. */
int64_t committer_newest_unix_ms(struct committer *committer);

/* Whether a durable leaf has ended the journal. */
bool committer_is_retired(struct committer *committer);
/* As ledger_catalogue_version. */
uint64_t committer_version(struct committer *committer);

/* What changes see in their context from now on; at first nothing is anchored. */
void committer_set_anchored(struct committer *committer, const struct change_anchored *anchored);

/* As ledger_commits_get. */
void committer_read(struct committer *committer, struct ledger_commits *ret_commits);

/* Why the newest group that ended broke, and how long ago that was; ERR_OK: it did not. */
enum error committer_broken(struct committer *committer, int64_t *ret_age_ms,
                            struct fault *fault) MUST_USE;

/* For how long the present group has been under way; 0: there is none. */
int64_t committer_under_way_ms(struct committer *committer);

/* Hands the change to the writer and waits at most LEDGER_COMMIT_TIMEOUT_MS. ERR_BUSY when too many
 * wait, or LEDGER_QUEUE_BYTES of them; ERR_TIMEOUT. */
enum error commit_run(struct committer *committer, struct change *change,
                      struct fault *fault) MUST_USE;
/* Hands the change over without waiting, for what may be lost: false when it was dropped because
 * a quarter of the queue is waiting already, in number or bytes. Takes its own reference. */
bool commit_post(struct committer *committer, struct change *change);

#endif
