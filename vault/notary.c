/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The notary's thread and what it knows, guarded by `lock`. The thread alone signs and anchors; no
 * lock is held while it asks HSM or ledger.
 */
#include "vault/notary_inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"

#define TICK_MS    100
#define WAIT_STEPS 2 /* an anchor is due when half of what may be unanchored is */

/* ---- what others see ---- */

/* A journal that has ended licenses nothing, whether the HSM is there or not. */
void notary_note_failure(struct notary *notary, const struct fault *fault)
{
    struct fault told = *fault;
    if (ledger_is_retired(notary->options.ledger) && fault->code != ERR_ANCHOR_MISMATCH)
        (void)ledger_retired_fault(&told);
    (void)pthread_mutex_lock(&notary->lock);
    notary->view.fault = told;
    notary->attempts++;
    (void)pthread_cond_broadcast(&notary->has_moved);
    (void)pthread_mutex_unlock(&notary->lock);
}

void notary_note_end(struct notary *notary)
{
    (void)pthread_mutex_lock(&notary->lock);
    bool is_new = !notary->view.is_retired;
    notary->view.is_retired = true;
    (void)ledger_retired_fault(&notary->view.fault);
    (void)pthread_cond_broadcast(&notary->has_moved);
    (void)pthread_mutex_unlock(&notary->lock);
    if (is_new)
        log_event(LOG_LEVEL_INFO, "journal-ended", LOG_TEXT("origin", notary->view.origin));
}

/* ---- keeping up ---- */

struct need {
    bool of_checkpoint;
    bool of_anchor;
};

static struct need needed(struct notary *notary, int64_t size)
{
    int64_t now = clock_monotonic_ms();
    bool has_ended = ledger_is_retired(notary->options.ledger);
    (void)pthread_mutex_lock(&notary->lock);
    const struct notary_view *view = &notary->view;
    int64_t unanchored = view->keeps_anchor ? size - view->anchored_size : 0;
    struct need need = {
        .of_checkpoint = size > view->checkpoint_size &&
                         now - notary->signed_ms >= (int64_t)notary->options.checkpoint_interval_ms,
        .of_anchor =
            unanchored > 0 &&
            (notary->anchor_waiters > 0 ||
             unanchored * WAIT_STEPS >= (int64_t)notary->options.unanchored_max ||
             now - notary->anchored_ms >= (int64_t)notary->options.anchor_interval_s * 1000)};
    if (has_ended)
        need = (struct need){.of_checkpoint = !view->is_retired,
                             .of_anchor = !view->is_retired && view->keeps_anchor};
    (void)pthread_mutex_unlock(&notary->lock);
    return need;
}

/* Another vault has taken the HSM, or something went wrong with the token: this one cannot prove
 * any more that its journal is the only one. */
static void close_doors(struct notary *notary, struct fault *fault)
{
    (void)fault_set(fault, ERR_ANCHOR_MISMATCH, "anchor-taken",
                    "Somebody else wrote the HSM's anchor: does a second vault use this HSM? Stop "
                    "it, then start this one again; it compares anew.",
                    0);
    notary->has_lost_anchor = true;
    (void)pthread_mutex_lock(&notary->lock);
    notary->is_open = false;
    (void)pthread_mutex_unlock(&notary->lock);
    notary_note_failure(notary, fault);
}

/* What was signed at an earlier look still stands; the next tick tries again. */
static void keep_up(struct notary *notary)
{
    struct ledger_info info;
    struct fault fault = {0};
    int64_t size = 0;
    if (clock_monotonic_ms() < notary->retry_ms)
        return;
    enum error e = hsm_watch_permits(notary->options.watch, &fault);
    if (e == ERR_OK)
        e = ledger_info(notary->options.ledger, &info, &fault);
    if (e != ERR_OK) {
        notary->retry_ms = clock_monotonic_ms() + TICK_MS;
        return;
    }
    const struct need need = needed(notary, info.journal_size);
    if (!need.of_anchor && !need.of_checkpoint)
        return;
    e = notary_sign_now(notary, &size, &fault);
    if (e == ERR_OK && need.of_anchor)
        e = notary_anchor(notary, size, false, &fault);
    if (e == ERR_OK)
        e = notary_publish(notary, size, &fault);
    if (e == ERR_OK && notary->is_last && (need.of_anchor || !notary->view.keeps_anchor))
        notary_note_end(notary);
    if (e == ERR_OK)
        return;
    if (e == ERR_CONFLICT)
        close_doors(notary, &fault);
    log_fault(LOG_LEVEL_ERROR, "journal-not-signed", &fault);
    notary->retry_ms = clock_monotonic_ms() + NOTARY_RETRY_MS;
}

/* ---- the end ---- */

/* Rows that were changed while the vault ran are noticed here, before a leaf vouches for them. */
static void note_last_accounts(struct notary *notary)
{
    struct fault fault = {0};
    enum error e =
        governance_check_all(notary->options.governance, notary->view.keeps_anchor, &fault);
    if (e == ERR_OK)
        e = governance_note_accounts(notary->options.governance, &fault);
    if (e != ERR_OK)
        log_fault(LOG_LEVEL_WARNING, "accounts-not-noted", &fault);
}

/* Without the HSM the leaves stay without an anchor; the next start covers them. */
static void finish(struct notary *notary)
{
    struct fault fault = {0};
    int64_t size = 0;
    if (notary->view.is_retired)
        return;
    if (!ledger_is_retired(notary->options.ledger))
        note_last_accounts(notary);
    enum error e = ledger_stop(notary->options.ledger, &fault);
    if (e == ERR_OK)
        e = notary_sign_now(notary, &size, &fault);
    if (e == ERR_OK && notary->view.keeps_anchor)
        e = notary_anchor(notary, size, false, &fault);
    if (e == ERR_OK)
        e = notary_publish(notary, size, &fault);
    if (e != ERR_OK)
        log_fault(LOG_LEVEL_WARNING, "stop-not-anchored", &fault);
}

/* ---- the thread ---- */

static bool must_wake(const struct notary *notary)
{
    const struct notary_view *view = &notary->view;
    return notary->is_ending ||
           (notary->is_open &&
            (notary->anchor_waiters > 0 ||
             (view->keeps_anchor && (notary->size - view->anchored_size) * WAIT_STEPS >=
                                        (int64_t)notary->options.unanchored_max)));
}

/* Until something is to do, at most a tick; false at the end. */
static bool rest(struct notary *notary)
{
    struct timespec until = deadline_timespec(deadline_in(TICK_MS));
    (void)pthread_mutex_lock(&notary->lock);
    bool is_late = clock_monotonic_ms() < notary->retry_ms;
    if (!notary->is_ending && (is_late || !must_wake(notary)))
        (void)pthread_cond_clockwait(&notary->has_woken, &notary->lock, CLOCK_MONOTONIC, &until);
    bool is_ending = notary->is_ending;
    (void)pthread_mutex_unlock(&notary->lock);
    return !is_ending;
}

static void *notary_main(void *argument)
{
    struct notary *notary = argument;
    do {
        if (notary->is_open)
            keep_up(notary);
        else
            notary_try_to_begin(notary);
    } while (rest(notary));
    if (notary->is_open)
        finish(notary);
    return NULL;
}

enum error notary_new(const struct notary_options *options, struct notary **ret_notary)
{
    struct notary *notary = calloc(1, sizeof *notary);
    if (notary == NULL)
        return ERR_INTERNAL;
    notary->options = *options;
    notary->view.anchored_size = -1;
    (void)fault_set(&notary->view.fault, ERR_HSM_UNAVAILABLE, "not-anchored-yet",
                    "The journal was not compared with the HSM yet.", 0);
    if (ledger_is_retired(options->ledger))
        (void)ledger_retired_fault(&notary->view.fault);
    (void)pthread_mutex_init(&notary->lock, NULL);
    (void)pthread_cond_init(&notary->has_woken, NULL);
    (void)pthread_cond_init(&notary->has_moved, NULL);
    if (pthread_create(&notary->thread, NULL, notary_main, notary) != 0) {
        free(notary);
        return ERR_INTERNAL;
    }
    *ret_notary = notary;
    return ERR_OK;
}

void notary_free(struct notary *notary)
{
    if (notary == NULL)
        return;
    (void)pthread_mutex_lock(&notary->lock);
    notary->is_ending = true;
    (void)pthread_cond_broadcast(&notary->has_woken);
    (void)pthread_mutex_unlock(&notary->lock);
    (void)pthread_join(notary->thread, NULL);
    (void)pthread_mutex_destroy(&notary->lock);
    (void)pthread_cond_destroy(&notary->has_woken);
    (void)pthread_cond_destroy(&notary->has_moved);
    free(notary);
}

/* ---- asking ---- */

enum error notary_permits(struct notary *notary, struct fault *fault)
{
    (void)pthread_mutex_lock(&notary->lock);
    struct fault seen = notary->view.fault;
    (void)pthread_mutex_unlock(&notary->lock);
    if (seen.code != ERR_OK)
        *fault = seen;
    return seen.code;
}

void notary_show(struct notary *notary, struct notary_view *ret_view)
{
    (void)pthread_mutex_lock(&notary->lock);
    *ret_view = notary->view;
    (void)pthread_mutex_unlock(&notary->lock);
}

const char *notary_word(const struct notary_view *view)
{
    if (view->is_breached)
        return "mismatch";
    if (view->fault.code != ERR_OK)
        return view->fault.reason;
    return view->keeps_anchor ? "ok" : "none";
}

void notary_note(struct notary *notary, int64_t size)
{
    (void)pthread_mutex_lock(&notary->lock);
    if (size > notary->size)
        notary->size = size;
    if (must_wake(notary))
        (void)pthread_cond_signal(&notary->has_woken);
    (void)pthread_mutex_unlock(&notary->lock);
}

int64_t notary_anchored_size(struct notary *notary)
{
    (void)pthread_mutex_lock(&notary->lock);
    int64_t size = notary->view.anchored_size;
    (void)pthread_mutex_unlock(&notary->lock);
    return size;
}

enum error notary_await_anchor(struct notary *notary, int64_t before, deadline_ms deadline,
                               struct fault *fault)
{
    struct timespec until = deadline_timespec(deadline);
    (void)pthread_mutex_lock(&notary->lock);
    notary->anchor_waiters++;
    (void)pthread_cond_signal(&notary->has_woken);
    int status = 0;
    while (notary->view.anchored_size == before && status == 0)
        status = pthread_cond_clockwait(&notary->has_moved, &notary->lock, CLOCK_MONOTONIC, &until);
    notary->anchor_waiters--;
    bool has_moved = notary->view.anchored_size != before;
    (void)pthread_mutex_unlock(&notary->lock);
    if (has_moved)
        return ERR_OK;
    return fault_set(fault, ERR_HSM_UNAVAILABLE, "anchor-late",
                     "The HSM did not take the journal's anchor in time.", 0);
}

enum error notary_reopen(struct notary *notary, deadline_ms deadline, struct fault *fault)
{
    struct timespec until = deadline_timespec(deadline);
    (void)pthread_mutex_lock(&notary->lock);
    unsigned before = notary->attempts;
    int status = 0;
    notary->looks_again = true;
    (void)pthread_cond_signal(&notary->has_woken);
    while (notary->attempts == before && !notary->is_open && status == 0)
        status = pthread_cond_clockwait(&notary->has_moved, &notary->lock, CLOCK_MONOTONIC, &until);
    struct fault seen = notary->view.fault;
    (void)pthread_mutex_unlock(&notary->lock);
    if (seen.code != ERR_OK)
        *fault = seen;
    return seen.code;
}

enum error notary_await_end(struct notary *notary, deadline_ms deadline, struct fault *fault)
{
    struct timespec until = deadline_timespec(deadline);
    int status = 0;
    (void)pthread_mutex_lock(&notary->lock);
    (void)pthread_cond_signal(&notary->has_woken);
    while (!notary->view.is_retired && status == 0)
        status = pthread_cond_clockwait(&notary->has_moved, &notary->lock, CLOCK_MONOTONIC, &until);
    bool is_retired = notary->view.is_retired;
    (void)pthread_mutex_unlock(&notary->lock);
    if (is_retired)
        return ERR_OK;
    return fault_set(fault, ERR_HSM_UNAVAILABLE, "anchor-late",
                     "The journal has ended, and the HSM did not take its last anchor in time: "
                     "give the command again.",
                     0);
}
