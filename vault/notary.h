/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The notary: signs the journal's checkpoints, keeps the anchor in the HSM, and says whether
 * licenses may leave at all.
 *
 * When the HSM is seen for the first time it checks every product (governance.h), compares the
 * journal with the anchor, and anchors the "start" leaf of this process; before that nothing is
 * issued. Afterwards it signs and anchors while the journal grows, and at the end once more, over
 * the "stop" leaf. Threads: one of its own; the functions are safe from any thread.
 */
#ifndef VAULT_NOTARY_H
#define VAULT_NOTARY_H

#include "core/clock.h"
#include "journal/backup_note.h"
#include "journal/key_chain.h"
#include "vault/governance.h"
#include "vault/hsm_watch.h"

struct notary;

struct notary_options {
    struct ledger *ledger; /* this and the next three are borrowed until notary_free */
    struct hsm_client *hsm;
    struct hsm_watch *watch;
    struct governance *governance;
    unsigned unanchored_max; /* leaves */
    unsigned checkpoint_interval_ms;
    unsigned anchor_interval_s;
};

struct notary_view {
    struct fault fault; /* ERR_OK: licenses may leave; else why not yet */
    bool keeps_anchor;  /* false: the token has no data objects */
    bool is_retired;    /* the journal has ended, and the HSM has its last anchor if it keeps one */
    bool is_breached;   /* the journal does not extend the anchor: heads */
    struct ledger_heads heads;
    int64_t checkpoint_size;                /* leaves that the newest checkpoint covers */
    int64_t anchored_size;                  /* leaves that the anchor covers, -1 without one */
    char origin[CHECKPOINT_ORIGIN_MAX + 1]; /* "" before the ledger is bound */
};

enum error notary_new(const struct notary_options *options, struct notary **ret_notary) MUST_USE;
/* Appends the "stop" leaf, signs and anchors once more as far as the HSM lets it, ends. NULL is
 * allowed. */
void notary_free(struct notary *notary);

/* Whether licenses may leave. ERR_HSM_UNAVAILABLE ("not-anchored-yet"), ERR_ANCHOR_MISMATCH,
 * ERR_HSM_RETIRED ("retired"; "retired-journal": of the HSM, and not of this ledger), or whatever
 * keeps the HSM from being asked. */
enum error notary_permits(struct notary *notary, struct fault *fault) MUST_USE;
void notary_show(struct notary *notary, struct notary_view *ret_view);
/* One word for people: "ok", "none" (the token keeps no anchor), "mismatch", "retired", or what is
 * the matter; borrowed from the view. */
const char *notary_word(const struct notary_view *view);

/* Tells that the journal has grown to at least this many leaves. */
void notary_note(struct notary *notary, int64_t size);
/* Leaves that the anchor covers; -1 without one. */
int64_t notary_anchored_size(struct notary *notary);
/* Asks for an anchor at once and waits until it covers another number of leaves than before.
 * ERR_HSM_UNAVAILABLE ("anchor-late"). */
enum error notary_await_anchor(struct notary *notary, int64_t before, deadline_ms deadline,
                               struct fault *fault) MUST_USE;
/* Waits until the last head of a journal that has ended is signed and anchored.
 * ERR_HSM_UNAVAILABLE ("anchor-late"). */
enum error notary_await_end(struct notary *notary, deadline_ms deadline,
                            struct fault *fault) MUST_USE;
/* Looks again at a journal that did not extend the anchor, after an override, and waits for what
 * comes of it. Errors as notary_permits. */
enum error notary_reopen(struct notary *notary, deadline_ms deadline, struct fault *fault) MUST_USE;
/* The journal's checkpoint keys now, from its leaves; why there are none yet, as notary_permits. */
enum error notary_keys(struct notary *notary, struct key_chain *ret_keys,
                       struct fault *fault) MUST_USE;
/* What a backup is made of, whose journal has size leaves, signed as journal/backup_note.h says;
 * *backup gets its origin. The HSM is asked. Errors as notary_permits: nothing is signed of a
 * ledger that the HSM does not know. */
enum error notary_sign_backup(struct notary *notary, int64_t size, struct backup_note *backup,
                              char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault) MUST_USE;
/* A checkpoint of exactly the first size leaves, for an export; the HSM is asked. */
enum error notary_sign(struct notary *notary, int64_t size, struct checkpoint *ret_checkpoint,
                       char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault) MUST_USE;

#endif
