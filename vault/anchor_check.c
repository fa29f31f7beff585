/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The comparison of anchor and journal. Owns no state. */
#include "vault/anchor_check.h"

#include <string.h>

#include "journal/checkpoint.h"

static enum error mismatch(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_ANCHOR_MISMATCH, reason, detail, 0);
}

/* A journal that was never signed has no anchor to extend. */
static enum error check_absence(const struct anchor_question *question, struct fault *fault)
{
    int64_t size = 0;
    char note[CHECKPOINT_NOTE_MAX];
    enum error e = ledger_checkpoint_get(question->ledger, &size, note, fault);
    if (e == ERR_NOT_COVERED)
        return ERR_OK;
    if (e != ERR_OK)
        return e;
    return mismatch(fault, "anchor-missing",
                    "The HSM holds no anchor, although this journal was anchored before.");
}

/* Fills *ret_head with what the anchor says, also when it is not believed. */
static enum error read_anchor(const struct anchor_question *question,
                              const struct hsm_anchor *anchor, struct ledger_head *ret_head,
                              struct sha256 *ret_key, struct fault *fault)
{
    struct checkpoint checkpoint;
    struct bytes note = bytes_of(anchor->note, anchor->length);
    *ret_head = (struct ledger_head){.size = 0, .root = sha256_of(note)};
    if (checkpoint_read(note, &checkpoint, fault) == ERR_OK)
        *ret_head = (struct ledger_head){.size = checkpoint.size, .root = checkpoint.root};
    if (checkpoint_keys_open(question->status, note, &checkpoint, ret_key, fault) != ERR_OK)
        return mismatch(fault, "anchor-forged",
                        "The HSM's anchor is not signed by a checkpoint key of the HSM.");
    if (strcmp(checkpoint.origin, question->origin) != 0)
        return mismatch(fault, "anchor-foreign", "The HSM's anchor is of another journal.");
    return ERR_OK;
}

static enum error compare(const struct anchor_question *question, const struct ledger_heads *heads,
                          struct fault *fault)
{
    struct sha256 root;
    if (heads->found.size < heads->anchor.size)
        return mismatch(fault, "ledger-older",
                        "The ledger has fewer leaves than the HSM's anchor covers: an older copy "
                        "was put back.");
    enum error e = ledger_root(question->ledger, heads->anchor.size, &root, fault);
    if (e == ERR_OK && !sha256_equal(&root, &heads->anchor.root))
        e = mismatch(fault, "ledger-differs",
                     "The journal's leaves are not those that the HSM's anchor covers: the ledger "
                     "was changed, or an older copy was put back and used.");
    return e;
}

/* Of a journal that extends the anchor: its leaves say who signed at that size. */
static enum error check_key(const struct anchor_question *question,
                            const struct ledger_heads *heads, const struct sha256 *key,
                            struct fault *fault)
{
    const struct key_chain_key *in_force = key_chain_at(question->chain, heads->anchor.size);
    if (sha256_equal(&in_force->digest, key))
        return ERR_OK;
    return mismatch(fault, "anchor-other-key",
                    "The HSM's anchor is signed by another checkpoint key than the one that signed "
                    "at its size: who has used the HSM?");
}

static enum error look(const struct anchor_question *question, struct sha256 *ret_kept,
                       struct ledger_heads *heads, struct fault *fault)
{
    struct hsm_anchor anchor;
    struct sha256 key;
    heads->anchor.root = tree_empty_root();
    heads->found.size = ledger_opened_size(question->ledger);
    enum error e = ledger_root(question->ledger, heads->found.size, &heads->found.root, fault);
    if (e == ERR_OK)
        e = hsm_anchor_read(question->hsm, &anchor, fault);
    if (e != ERR_OK)
        return e;
    *ret_kept = sha256_of(bytes_of(anchor.note, anchor.length));
    if (anchor.is_retired && !question->is_retired)
        return fault_set(fault, ERR_HSM_RETIRED, "retired-journal",
                         "The journal of this HSM has ended, and this ledger does not say so: an "
                         "older copy was put back, and none goes on. Put the last one back.",
                         0);
    if (anchor.length == 0)
        return check_absence(question, fault);
    e = read_anchor(question, &anchor, &heads->anchor, &key, fault);
    if (e == ERR_OK)
        e = compare(question, heads, fault);
    return e == ERR_OK ? check_key(question, heads, &key, fault) : e;
}

enum error anchor_check(const struct anchor_question *question, struct sha256 *ret_kept,
                        struct ledger_breach *ret_breach, struct fault *fault)
{
    struct fault ignored;
    struct ledger_heads heads = {0};
    enum error e = look(question, ret_kept, &heads, fault);
    if (e != ERR_ANCHOR_MISMATCH)
        return e;
    enum error noted = ledger_breach_note(question->ledger, &heads, ret_breach, &ignored);
    if (noted != ERR_OK)
        *fault = ignored;
    return noted == ERR_OK ? ERR_ANCHOR_MISMATCH : noted;
}
