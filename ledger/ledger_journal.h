/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The journal and its tree (docs/JOURNAL.md), and a ledger that does not extend the anchor. Part of
 * ledger/ledger.h, which says what holds for all of them.
 */
#ifndef LEDGER_LEDGER_JOURNAL_H
#define LEDGER_LEDGER_JOURNAL_H

#include "ledger/ledger_document.h"
#include "ledger/ledger_meter.h"

/* Leaves that were there when this process opened the ledger, before its "start" leaf. */
int64_t ledger_opened_size(const struct ledger *ledger);
/* The durable leaves and their root. */
enum error ledger_head(struct ledger *ledger, struct ledger_head *ret_head,
                       struct fault *fault) MUST_USE;
/* The root of the first size leaves. ERR_BAD_REQUEST when there are fewer. */
enum error ledger_root(struct ledger *ledger, int64_t size, struct sha256 *ret_root,
                       struct fault *fault) MUST_USE;
enum error ledger_inclusion(struct ledger *ledger, int64_t index, int64_t size,
                            struct tree_proof *ret_proof, struct fault *fault) MUST_USE;
enum error ledger_consistency(struct ledger *ledger, int64_t old_size, int64_t size,
                              struct tree_proof *ret_proof, struct fault *fault) MUST_USE;
/* count stored hashes (1 to TREE_TILE_WIDTH) of a level, as struct tree_source. */
enum error ledger_hashes(struct ledger *ledger, unsigned level, int64_t first, size_t count,
                         struct sha256 *out, struct fault *fault) MUST_USE;
/* Leaves first to first + count - 1, as far as they exist; each as in the listings above. */
enum error ledger_leaves_each(struct ledger *ledger, int64_t first, int64_t count,
                              bool (*each)(void *context, int64_t index, struct bytes entry),
                              void *context, struct fault *fault) MUST_USE;
/* The index of an install's license-issued leaf. ERR_INSTALL_UNKNOWN. */
enum error ledger_install_leaf(struct ledger *ledger, const struct uuid *install,
                               int64_t *ret_index, struct fault *fault) MUST_USE;

/* The newest signed checkpoint, as text; size is its own. An older one than the stored is ignored
 * when setting. ERR_NOT_COVERED when there is none. */
enum error ledger_checkpoint_set(struct ledger *ledger, int64_t size, const char *note,
                                 struct fault *fault) MUST_USE;
enum error ledger_checkpoint_get(struct ledger *ledger, int64_t *ret_size,
                                 char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault) MUST_USE;

/*
 * The HSM's anchor covers the first size leaves (LEDGER_NO_ANCHOR: there is none and need be none).
 * A first license is issued only while fewer than unanchored_max leaves are not covered, and the
 * "start" leaf of this process and every accepted document are. Before the first call nothing is
 * covered.
 */
void ledger_set_anchored(struct ledger *ledger, int64_t size, int64_t unanchored_max);

/* A checkpoint key that takes over from its leaf on (journal/key_chain.h); checked by the caller.
 */
struct ledger_key_rotation {
    int64_t generation; /* of the new key; from 2 on */
    struct sha256 old_key;
    struct bytes new_key;   /* its SubjectPublicKeyInfo; at most LEDGER_SPKI_MAX */
    struct bytes signature; /* of the statement, by the old key; at most CHECKPOINT_DER_MAX */
};
/* ERR_CONFLICT ("generation") unless it is the next one. */
enum error ledger_key_rotate(struct ledger *ledger, const struct ledger_key_rotation *rotation,
                             const char *by, int64_t *ret_index, struct fault *fault) MUST_USE;
/* Where the leaves of the rotations are, the oldest first; the leaves say what they are.
 * ERR_LEDGER_UNAVAILABLE ("corrupt"): there are more. */
#define LEDGER_ROTATIONS_MAX 15
struct ledger_rotations {
    int64_t leaves[LEDGER_ROTATIONS_MAX];
    size_t count;
};
enum error ledger_rotations_get(struct ledger *ledger, struct ledger_rotations *ret_rotations,
                                struct fault *fault) MUST_USE;

/*
 * Ends the journal with its last leaf: from then on, over every restart, whatever would write one
 * more is ERR_HSM_RETIRED, and no row changes that a leaf would tell of. successor is the identity
 * of the HSM that follows, or NULL. Again: ERR_OK, and *ret_index is where the leaf is.
 */
enum error ledger_retire(struct ledger *ledger, const struct sha256 *successor, const char *by,
                         int64_t *ret_index, struct fault *fault) MUST_USE;
bool ledger_is_retired(struct ledger *ledger);
/* The refusal. */
enum error ledger_retired_fault(struct fault *fault);

/* An auditor's nonce (LEDGER_CHALLENGE_MIN to _MAX bytes) as a leaf. */
enum error ledger_challenge(struct ledger *ledger, struct bytes nonce, const char *by,
                            int64_t *ret_index, struct fault *fault) MUST_USE;

/*
 * Leaves an "account" leaf, with what its rows say now, for each governed product that the caller
 * has checked (includes answers true): the next start counts from there. includes is called on
 * another thread, after an ERR_TIMEOUT also later, so context must live as long as the ledger does;
 * it must not call the ledger.
 */
enum error ledger_account_note(struct ledger *ledger,
                               bool (*includes)(void *context, int64_t product_id), void *context,
                               struct fault *fault) MUST_USE;

/*
 * Each product with its account, and the number of leaves, from one snapshot. Without usage it is
 * NULL: that takes time for each unit of the last week that nobody reported, this does not.
 */
enum error ledger_accounts_each(struct ledger *ledger, bool with_usage,
                                bool (*each)(void *context, const struct ledger_product *product,
                                             const struct ledger_usage *usage),
                                void *context, int64_t *ret_journal_size,
                                struct fault *fault) MUST_USE;

/* ---- a ledger that does not extend the anchor ---- */

struct ledger_breach {
    struct ledger_heads heads;
    bool is_overridden; /* ledger_override was called for exactly this one */
};

/*
 * Notes that the ledger was found with `found` while the HSM remembers `anchor`, or finds the same
 * breach again: of this anchor, with a head that this ledger still extends, so that what was signed
 * for it holds over a restart. Leaves no leaf.
 */
enum error ledger_breach_note(struct ledger *ledger, const struct ledger_heads *heads,
                              struct ledger_breach *ret_breach, struct fault *fault) MUST_USE;
/*
 * Goes on with this ledger. ERR_CONFLICT ("no-mismatch") when no breach is open,
 * ERR_ANCHOR_MISMATCH
 * ("other-heads"), ERR_FORBIDDEN ("product-governed") while a governed product has no document of
 * kind override for exactly these heads.
 */
enum error ledger_override(struct ledger *ledger, const struct ledger_heads *heads, const char *by,
                           int64_t *ret_index, struct fault *fault) MUST_USE;

#endif
