/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the parts of the notary share: notary.c has the thread and what others ask, notary_start.c
 * its first look, notary_sign.c signs and anchors. Private to them. Threads: what is not said to be
 * guarded is the notary's thread's own; the functions run on that thread unless they say otherwise.
 */
#ifndef VAULT_NOTARY_INSIDE_H
#define VAULT_NOTARY_INSIDE_H

#include <pthread.h>

#include "vault/notary.h"

#define NOTARY_RETRY_MS 1000 /* after the HSM said no */

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

/* ---- notary.c ---- */

/* Why the doors are not open. */
void notary_note_failure(struct notary *notary, const struct fault *fault);
/* The last head is signed and anchored. */
void notary_note_end(struct notary *notary);

/* ---- notary_start.c ---- */

/* Compares the journal with the HSM, signs, anchors, and opens the doors when all is well. */
void notary_try_to_begin(struct notary *notary);

/* ---- notary_sign.c ---- */

/* The journal's keys from its leaves. */
enum error notary_read_keys(struct notary *notary, struct key_chain *ret_keys,
                            struct fault *fault) MUST_USE;
/* The same, read anew only after a rotation. From any thread. */
enum error notary_current_keys(struct notary *notary, struct key_chain *ret_keys,
                               struct fault *fault) MUST_USE;
/* Signs what is durable now, into notary->note; *ret_size is what it covers. */
enum error notary_sign_now(struct notary *notary, int64_t *ret_size, struct fault *fault) MUST_USE;
/* Makes notary->note, which covers size leaves, the HSM's anchor. ERR_CONFLICT: somebody else did.
 */
enum error notary_anchor(struct notary *notary, int64_t size, bool replaces_larger,
                         struct fault *fault) MUST_USE;
/* Keeps notary->note in the ledger, for all to read. */
enum error notary_publish(struct notary *notary, int64_t size, struct fault *fault) MUST_USE;
/* So many leaves are anchored, or LEDGER_NO_ANCHOR. */
void notary_set_anchored(struct notary *notary, int64_t size);

#endif
