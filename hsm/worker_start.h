/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The start of one worker: from its process to the session that serves. Internal to hsm/.
 *
 * A start may take long, and is given time. One that stands still, because a call of the module
 * never returns, would hide that the HSM is well again. Beside it a scout is therefore sent, over
 * and over: a process that loads the module, opens a session and logs in nowhere. When a scout
 * comes through and the start still stands where it stood, the start is replaced. Not while it is
 * in C_Login: there the PIN is being spent, and SoftHSM would lose its token. The next start may
 * stand still for twice as long, up to four times, so that a module that is slow in one call does
 * start.
 *
 * Order of calls: worker_start_begin, worker_start_check until it says other than ERR_TIMEOUT; or
 * worker_start_end. Threads: owned by one keeper.
 */
#ifndef HSM_WORKER_START_H
#define HSM_WORKER_START_H

#include "core/clock.h"
#include "hsm/keeper.h"
#include "hsm/worker_process.h"

struct worker_start {
    struct worker_process worker; /* none when pid is 0 */
    deadline_ms deadline;
    int64_t moved_ms;            /* its newest step; 0: it waits for its turn */
    int64_t longest_ms;          /* that it stood still, outside of C_Login */
    int64_t usual_ms;            /* that of the newest good start of this keeper; 0: none yet */
    unsigned replaced;           /* starts since then that stood still too long */
    struct worker_process scout; /* none when pid is 0 */
    int64_t sent_ms;             /* the newest scout */
};

/* Logs a failure, and nothing is under way then. */
enum error worker_start_begin(const struct keeper_options *options, struct worker_start *start,
                              struct fault *fault) MUST_USE;
/*
 * ERR_TIMEOUT: not ready yet. ERR_OK: *ret_worker is. Any other failure is logged and has ended the
 * process. Waits for a step as long as wait_ms.
 */
enum error worker_start_check(const struct keeper_options *options, struct worker_start *start,
                              int wait_ms, struct worker_process *ret_worker,
                              struct fault *fault) MUST_USE;
/* Whether one is under way. */
bool worker_start_is_active(const struct worker_start *start);
/* Never in the middle of the login. None is allowed. */
void worker_start_end(struct worker_start *start);

/* Once for each key, whichever worker finds it. */
void worker_start_log_weak(struct pool *pool, const struct hsm_weak_key *weak);

#endif
