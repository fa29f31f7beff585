/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The notary's thread and what it knows, guarded by `lock`. The thread alone signs and anchors; no
 * lock is held while it asks HSM or ledger.
 */
#include "vault/notary.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "vault/anchor_check.h"
#include "vault/override_leaf.h"

#define TICK_MS    100
#define RETRY_MS   1000 /* after the HSM said no */
#define WAIT_STEPS 2    /* an anchor is due when half of what may be unanchored is */
/* How long an export waits for the comparison of a journal that has ended. */
#define END_TIMEOUT_MS 5000

struct notary {
    struct notary_options options; /* immutable */
    pthread_t thread;
    /* the thread's own */
    struct hsm_spki first;          /* checkpoint key; does not change once the doors are open */
    char note[CHECKPOINT_NOTE_MAX]; /* of checkpoint_size */
    int64_t signed_ms;              /* monotonic */
    int64_t anchored_ms;
    int64_t retry_ms;        /* not before */
    struct sha256 kept;      /* digest of the note that the HSM was last known to keep */
    struct sha256 attempted; /* of the newest write; it counts when is_unsure */
    bool is_unsure;
    bool has_accounts;    /* their leaves of this start are written */
    bool is_last;         /* note is the head of a journal that has ended */
    bool has_lost_anchor; /* somebody else wrote it: only a new start helps */

    pthread_mutex_t lock;     /* guards everything below */
    pthread_cond_t has_woken; /* the thread has something to do */
    pthread_cond_t has_moved; /* view has changed */
    struct notary_view view;
    struct key_chain keys; /* count 0: not read yet */
    int64_t size;          /* leaves, as far as was told */
    unsigned anchor_waiters;
    bool is_ending;
    bool is_open;      /* licenses may leave; written by the thread alone */
    bool looks_again;  /* an override was recorded */
    unsigned attempts; /* to open that failed */
};

/* ---- what others see ---- */

/* A journal that has ended licenses nothing, whether the HSM is there or not. */
static void note_failure(struct notary *notary, const struct fault *fault)
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

static void set_checkpoint(struct notary *notary, int64_t size)
{
    (void)pthread_mutex_lock(&notary->lock);
    notary->view.checkpoint_size = size;
    (void)pthread_cond_broadcast(&notary->has_moved);
    (void)pthread_mutex_unlock(&notary->lock);
}

static void set_anchored(struct notary *notary, int64_t size)
{
    ledger_set_anchored(notary->options.ledger, size, notary->options.unanchored_max);
    (void)pthread_mutex_lock(&notary->lock);
    notary->view.anchored_size = size == LEDGER_NO_ANCHOR ? -1 : size;
    (void)pthread_cond_broadcast(&notary->has_moved);
    (void)pthread_mutex_unlock(&notary->lock);
}

static void open_doors(struct notary *notary)
{
    (void)pthread_mutex_lock(&notary->lock);
    notary->is_open = true;
    notary->view.is_breached = false;
    notary->view.fault = (struct fault){0};
    (void)pthread_cond_broadcast(&notary->has_moved);
    (void)pthread_mutex_unlock(&notary->lock);
}

/* The last head is signed and anchored. */
static void note_end(struct notary *notary)
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

/* ---- signing and anchoring ---- */

static enum error read_keys(struct notary *notary, struct key_chain *ret_keys, struct fault *fault)
{
    enum error e = checkpoint_keys_read(notary->options.ledger, notary->view.origin, &notary->first,
                                        ret_keys, fault);
    if (e != ERR_OK)
        return e;
    (void)pthread_mutex_lock(&notary->lock);
    notary->keys = *ret_keys;
    (void)pthread_mutex_unlock(&notary->lock);
    return ERR_OK;
}

/* Read anew when a rotation was committed: its row is there as soon as its leaf is. */
static enum error current_keys(struct notary *notary, struct key_chain *ret_keys,
                               struct fault *fault)
{
    struct ledger_rotations rotations;
    enum error e = ledger_rotations_get(notary->options.ledger, &rotations, fault);
    if (e != ERR_OK)
        return e;
    (void)pthread_mutex_lock(&notary->lock);
    *ret_keys = notary->keys;
    (void)pthread_mutex_unlock(&notary->lock);
    return ret_keys->count == rotations.count + 1 ? ERR_OK : read_keys(notary, ret_keys, fault);
}

/* The signature of whichever key signs heads of that size. */
static enum error sign_body(struct notary *notary, int64_t size, struct bytes body,
                            struct key_chain_key *ret_key, struct hsm_signature *ret_signature,
                            struct fault *fault)
{
    struct key_chain keys;
    enum error e = current_keys(notary, &keys, fault);
    if (e != ERR_OK)
        return e;
    *ret_key = *key_chain_at(&keys, size);
    return hsm_sign_checkpoint(notary->options.hsm, body, &ret_key->digest, ret_signature, fault);
}

/* Signs the first size leaves. The origin does not change once the doors are open. */
static enum error sign_size(struct notary *notary, int64_t size, struct checkpoint *ret_checkpoint,
                            char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault)
{
    char body[CHECKPOINT_BODY_MAX];
    struct hsm_signature signature;
    struct key_chain_key key;
    struct checkpoint checkpoint = {.size = size};
    strcpy(checkpoint.origin, notary->view.origin);
    enum error e = ledger_root(notary->options.ledger, size, &checkpoint.root, fault);
    if (e != ERR_OK)
        return e;
    size_t length = checkpoint_body(&checkpoint, body);
    e = sign_body(notary, size, bytes_of(body, length), &key, &signature, fault);
    if (e == ERR_OK)
        e = checkpoint_note(&checkpoint, key_chain_spki(&key),
                            bytes_of(signature.der, signature.length), ret_note, fault);
    if (e == ERR_OK)
        *ret_checkpoint = checkpoint;
    return e;
}

/* Signs what is durable now, into notary->note; *ret_size is what it covers. */
static enum error sign(struct notary *notary, int64_t *ret_size, struct fault *fault)
{
    struct ledger_info info;
    struct checkpoint checkpoint;
    notary->is_last = ledger_is_retired(notary->options.ledger); /* before the size is read */
    enum error e = ledger_info(notary->options.ledger, &info, fault);
    if (e == ERR_OK)
        e = sign_size(notary, info.journal_size, &checkpoint, notary->note, fault);
    if (e == ERR_OK)
        *ret_size = checkpoint.size;
    return e;
}

/* After a write whose answer was lost: which of the two does the HSM keep? */
static enum error settle(struct notary *notary, struct fault *fault)
{
    struct hsm_anchor anchor;
    if (!notary->is_unsure)
        return ERR_OK;
    enum error e = hsm_anchor_read(notary->options.hsm, &anchor, fault);
    if (e != ERR_OK)
        return e;
    const struct sha256 kept = sha256_of(bytes_of(anchor.note, anchor.length));
    if (sha256_equal(&kept, &notary->attempted))
        notary->kept = kept;
    notary->is_unsure = false;
    return ERR_OK;
}

static enum error anchor(struct notary *notary, int64_t size, bool replaces_larger,
                         struct fault *fault)
{
    const struct bytes note = bytes_of(notary->note, strlen(notary->note));
    enum error e = settle(notary, fault);
    if (e != ERR_OK)
        return e;
    const struct sha256 digest = sha256_of(note);
    notary->attempted = digest;
    e = notary->is_last
            ? hsm_anchor_end(notary->options.hsm, note, &notary->kept, fault)
            : hsm_anchor_write(notary->options.hsm, note, &notary->kept, replaces_larger, fault);
    notary->is_unsure = e != ERR_OK && e != ERR_CONFLICT;
    if (e == ERR_OK) {
        notary->kept = digest;
        notary->anchored_ms = clock_monotonic_ms();
        set_anchored(notary, size);
    }
    return e;
}

static enum error publish(struct notary *notary, int64_t size, struct fault *fault)
{
    enum error e = ledger_checkpoint_set(notary->options.ledger, size, notary->note, fault);
    if (e == ERR_OK) {
        notary->signed_ms = clock_monotonic_ms();
        set_checkpoint(notary, size);
    }
    return e;
}

/* ---- the start ---- */

static enum error prepare(struct notary *notary, struct hsm_status *ret_status, struct fault *fault)
{
    struct ledger_info info;
    struct key_chain keys;
    enum error e = hsm_watch_get(notary->options.watch, ret_status, fault);
    if (e == ERR_OK)
        e = ledger_info(notary->options.ledger, &info, fault);
    if (e != ERR_OK)
        return e;
    notary->first = ret_status->checkpoint;
    (void)pthread_mutex_lock(&notary->lock);
    checkpoint_origin(info.site, &info.hsm_identity, notary->view.origin);
    notary->view.keeps_anchor = ret_status->keeps_data;
    (void)pthread_mutex_unlock(&notary->lock);
    e = read_keys(notary, &keys, fault);
    if (e != ERR_OK)
        return e;
    return governance_check_all(notary->options.governance, ret_status->keeps_data, fault);
}

static void note_breach(struct notary *notary, const struct ledger_heads *heads)
{
    (void)pthread_mutex_lock(&notary->lock);
    notary->view.is_breached = true;
    notary->view.heads = *heads;
    (void)pthread_mutex_unlock(&notary->lock);
}

/* The row that says so is believed when the journal says so too. ERR_ANCHOR_MISMATCH. */
static enum error confirm_override(struct notary *notary, struct ledger_breach *breach,
                                   struct fault *fault)
{
    struct fault mismatch = *fault;
    bool is_found = false;
    enum error e = override_leaf_find(notary->options.ledger, &breach->heads, &is_found, fault);
    if (e != ERR_OK || is_found)
        return e;
    breach->is_overridden = false;
    note_breach(notary, &breach->heads);
    *fault = mismatch;
    return ERR_ANCHOR_MISMATCH;
}

/* Whether the journal extends the anchor, or was said to go on without. */
static enum error compare(struct notary *notary, const struct hsm_status *status,
                          bool *ret_is_overridden, struct fault *fault)
{
    struct key_chain keys;
    enum error e = current_keys(notary, &keys, fault);
    if (e != ERR_OK)
        return e;
    const struct anchor_question question = {.ledger = notary->options.ledger,
                                             .hsm = notary->options.hsm,
                                             .status = status,
                                             .chain = &keys,
                                             .is_retired =
                                                 ledger_is_retired(notary->options.ledger),
                                             .origin = notary->view.origin};
    struct ledger_breach breach = {0};
    e = anchor_check(&question, &notary->kept, &breach, fault);
    if (e == ERR_ANCHOR_MISMATCH && breach.is_overridden)
        e = confirm_override(notary, &breach, fault);
    if (e == ERR_OK && breach.is_overridden)
        e = governance_allows_override(notary->options.governance, &breach.heads, fault);
    else if (e == ERR_ANCHOR_MISMATCH)
        note_breach(notary, &breach.heads);
    *ret_is_overridden = e == ERR_OK && breach.is_overridden;
    return e;
}

/* The anchor comes before the published checkpoint, so that a ledger with one has an anchor. */
static enum error begin(struct notary *notary, struct fault *fault)
{
    struct hsm_status status;
    bool is_overridden = false;
    int64_t size = 0;
    enum error e = prepare(notary, &status, fault);
    if (e == ERR_OK && status.keeps_data)
        e = compare(notary, &status, &is_overridden, fault);
    if (e == ERR_OK && !notary->has_accounts && !ledger_is_retired(notary->options.ledger))
        e = governance_note_accounts(notary->options.governance, fault);
    notary->has_accounts = notary->has_accounts || e == ERR_OK;
    if (e == ERR_OK)
        e = sign(notary, &size, fault);
    if (e == ERR_OK && status.keeps_data)
        e = anchor(notary, size, is_overridden, fault);
    if (e == ERR_OK)
        e = publish(notary, size, fault);
    if (e != ERR_OK)
        return e;
    if (!status.keeps_data)
        set_anchored(notary, LEDGER_NO_ANCHOR);
    open_doors(notary);
    if (notary->is_last)
        note_end(notary);
    log_event(LOG_LEVEL_INFO, "journal-open", LOG_TEXT("origin", notary->view.origin),
              LOG_NUMBER("leaves", size),
              LOG_TEXT("anchor", status.keeps_data ? "written" : "none"));
    return ERR_OK;
}

static bool take_second_look(struct notary *notary)
{
    (void)pthread_mutex_lock(&notary->lock);
    bool looks_again = notary->looks_again;
    notary->looks_again = false;
    (void)pthread_mutex_unlock(&notary->lock);
    return looks_again;
}

static void try_to_begin(struct notary *notary)
{
    struct fault fault = {0};
    if (notary->has_lost_anchor ||
        (clock_monotonic_ms() < notary->retry_ms && !take_second_look(notary)))
        return;
    enum error e = hsm_watch_permits(notary->options.watch, &fault);
    bool was_asked = e == ERR_OK;
    if (was_asked)
        e = begin(notary, &fault);
    if (e == ERR_OK) {
        notary->retry_ms = 0;
        return;
    }
    note_failure(notary, &fault);
    if (was_asked) {
        log_fault(LOG_LEVEL_ERROR, "journal-not-open", &fault);
        bool is_final = e == ERR_ANCHOR_MISMATCH || e == ERR_HSM_RETIRED;
        notary->retry_ms = is_final ? INT64_MAX : clock_monotonic_ms() + RETRY_MS;
    }
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
    note_failure(notary, fault);
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
    e = sign(notary, &size, &fault);
    if (e == ERR_OK && need.of_anchor)
        e = anchor(notary, size, false, &fault);
    if (e == ERR_OK)
        e = publish(notary, size, &fault);
    if (e == ERR_OK && notary->is_last && (need.of_anchor || !notary->view.keeps_anchor))
        note_end(notary);
    if (e == ERR_OK)
        return;
    if (e == ERR_CONFLICT)
        close_doors(notary, &fault);
    log_fault(LOG_LEVEL_ERROR, "journal-not-signed", &fault);
    notary->retry_ms = clock_monotonic_ms() + RETRY_MS;
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
        e = sign(notary, &size, &fault);
    if (e == ERR_OK && notary->view.keeps_anchor)
        e = anchor(notary, size, false, &fault);
    if (e == ERR_OK)
        e = publish(notary, size, &fault);
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
            try_to_begin(notary);
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

/* As notary_permits; the last head of a journal that has ended is signed as well, once it was found
 * to be the one that the HSM remembers. */
static enum error permits_signing(struct notary *notary, struct fault *fault)
{
    enum error e = notary_permits(notary, fault);
    /* Beside an older ledger, which has not ended, the HSM's word stands. */
    if (e != ERR_HSM_RETIRED || !ledger_is_retired(notary->options.ledger))
        return e;
    return notary_await_end(notary, deadline_in(END_TIMEOUT_MS), fault);
}

enum error notary_sign(struct notary *notary, int64_t size, struct checkpoint *ret_checkpoint,
                       char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault)
{
    enum error e = permits_signing(notary, fault);
    if (e == ERR_OK)
        e = sign_size(notary, size, ret_checkpoint, ret_note, fault);
    return e;
}

enum error notary_keys(struct notary *notary, struct key_chain *ret_keys, struct fault *fault)
{
    (void)pthread_mutex_lock(&notary->lock);
    bool is_known = notary->keys.count > 0;
    struct fault seen = notary->view.fault;
    (void)pthread_mutex_unlock(&notary->lock);
    if (is_known)
        return current_keys(notary, ret_keys, fault);
    *fault = seen;
    return seen.code != ERR_OK ? seen.code
                               : fault_set(fault, ERR_INTERNAL, "keys", "No key was read.", 0);
}

enum error notary_sign_backup(struct notary *notary, int64_t size, struct backup_note *backup,
                              char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault)
{
    char body[CHECKPOINT_BODY_MAX];
    struct hsm_signature signature;
    struct key_chain_key key;
    enum error e = permits_signing(notary, fault);
    if (e != ERR_OK)
        return e;
    strcpy(backup->origin, notary->view.origin);
    size_t length = backup_note_body(backup, body);
    e = sign_body(notary, size, bytes_of(body, length), &key, &signature, fault);
    if (e != ERR_OK)
        return e;
    return backup_note_write(backup, key_chain_spki(&key),
                             bytes_of(signature.der, signature.length), ret_note, fault);
}
