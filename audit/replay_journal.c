/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Leaves about the journal itself: starts, the binding to an HSM, challenges and overrides. */
#include "audit/replay_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the audit.", 0);
}

/* Of the first AUDIT_EVENTS_MAX the item, of the others NULL. */
static enum error add_event(struct audit_events *events, const struct leaf *leaf,
                            struct audit_event **ret_event, struct fault *fault)
{
    *ret_event = NULL;
    if (events->total++ >= AUDIT_EVENTS_MAX)
        return ERR_OK;
    struct audit_event *items = realloc(events->items, (events->count + 1) * sizeof *items);
    if (items == NULL)
        return out_of_memory(fault);
    events->items = items;
    *ret_event = &items[events->count++];
    **ret_event = (struct audit_event){.leaf = leaf->index, .time_unix_ms = leaf->time_unix_ms};
    return ERR_OK;
}

enum error replay_start(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct audit_event *event = NULL;
    bool is_clean = leaf->index == 0 || replay->previous == LEAF_STOP;
    replay->report->starts++;
    if (leaf_flag(leaf, FIELD_CLEAN) != is_clean)
        FIND(replay, leaf, "start-flag",
             "It says that the stop before this start was %s, and the leaf before it says the "
             "opposite.",
             is_clean ? "not clean" : "clean");
    return is_clean ? ERR_OK : add_event(&replay->report->unclean_starts, leaf, &event, fault);
}

enum error replay_initialised(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct audit_report *report = replay->report;
    struct bytes site = leaf_text(leaf, FIELD_SITE);
    char origin[CHECKPOINT_ORIGIN_MAX + 1];
    (void)fault;
    if (report->has_identity) {
        FIND(replay, leaf, "initialised-twice",
             "It binds the journal to a site and an HSM, which happens once.");
        return ERR_OK;
    }
    report->has_identity = true;
    (void)snprintf(report->site, sizeof report->site, "%.*s", RAW(site));
    report->hsm = leaf_digest(leaf, FIELD_HSM);
    checkpoint_origin(report->site, &report->hsm, origin);
    key_chain_begin(&report->keys, origin, &report->hsm);
    if (replay->key.length > 0)
        key_chain_tell(&report->keys, replay->key);
    return ERR_OK;
}

/* ---- checkpoint keys ---- */

static const struct {
    const char *word;
    const char *text;
} KEY_FLAWS[] = {
    [KEY_GENERATION] = {"rotation-generation",
                        "The new checkpoint key has not the next number: a rotation is missing "
                        "before it, or is there twice."},
    [KEY_OTHER_OLD] = {"rotation-old-key",
                       "It replaces another checkpoint key than the one that signed until then."},
    [KEY_MALFORMED] = {"rotation-key", "The new checkpoint key is no P-256 key in its usual form."},
    [KEY_TWICE] = {"rotation-key-twice", "The new checkpoint key has signed before."},
    [KEY_FORGED] = {"rotation-forged",
                    "The old checkpoint key did not sign that the new one takes over: its "
                    "signature does not hold."},
    [KEY_MANY] = {"rotation-many", "An HSM has at most 16 checkpoint keys, and this is one more."},
};

/* A key that does not follow signs nothing: the chain stays as it was. */
enum error replay_key_rotated(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct key_rotation rotation;
    enum key_verdict verdict = KEY_OTHER_OLD;
    (void)fault;
    if (key_rotation_read(leaf->entry, leaf->index, &rotation) != KEY_LEAF_READ)
        verdict = KEY_MALFORMED;
    else if (replay->report->has_identity)
        verdict = key_chain_add(&replay->report->keys, &rotation);
    if (verdict != KEY_FOLLOWS)
        FIND(replay, leaf, KEY_FLAWS[verdict].word, "%s", KEY_FLAWS[verdict].text);
    return ERR_OK;
}

/* ---- the end ---- */

enum error replay_retired(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct audit_report *report = replay->report;
    (void)fault;
    if (replay->is_retired)
        return ERR_OK; /* found already */
    replay->is_retired = true;
    report->is_retired = true;
    report->retired_leaf = leaf->index;
    report->has_successor = leaf_has(leaf, FIELD_SUCCESSOR);
    report->successor = leaf_digest(leaf, FIELD_SUCCESSOR);
    return ERR_OK;
}

enum error replay_challenge(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    (void)fault;
    if (replay->challenge.length > 0 &&
        bytes_equal(leaf_text(leaf, FIELD_NONCE), replay->challenge)) {
        replay->report->challenge = AUDIT_HOLDS;
        replay->report->challenge_leaf = leaf->index;
    }
    return ERR_OK;
}

/* ---- overrides ---- */

static struct book_heads heads_of(const struct leaf *leaf)
{
    return (struct book_heads){.anchor_size = leaf_number(leaf, FIELD_ANCHOR_SIZE),
                               .head_size = leaf_number(leaf, FIELD_HEAD_SIZE),
                               .anchor_root = leaf_digest(leaf, FIELD_ANCHOR_ROOT),
                               .head_root = leaf_digest(leaf, FIELD_HEAD_ROOT)};
}

static bool heads_equal(const struct book_heads *a, const struct book_heads *b)
{
    return a->anchor_size == b->anchor_size && a->head_size == b->head_size &&
           sha256_equal(&a->anchor_root, &b->anchor_root) &&
           sha256_equal(&a->head_root, &b->head_root);
}

/* Every governed product's maker signs before the ledger goes on. */
static void check_consents(struct replay *replay, const struct leaf *leaf,
                           const struct book_heads *heads)
{
    for (uint32_t i = 0; i < replay->book.products.count; i++) {
        struct book_product *product = book_product(&replay->book, i);
        bool is_agreed = product->has_consent && heads_equal(&product->consent, heads);
        if (product->sum.is_governed && !is_agreed)
            FIND(replay, leaf, "override-without-consent",
                 "The ledger went on although it did not extend the HSM's anchor, without an "
                 "override of these heads that the maker of product %.*s signed.",
                 RAW(product->name));
        product->has_consent = false;
    }
}

static enum error note_override(struct replay *replay, const struct leaf *leaf,
                                const struct book_heads *heads, struct fault *fault)
{
    struct audit_event *event = NULL;
    struct bytes by = leaf_text(leaf, FIELD_BY);
    struct audit_events *events = &replay->report->overrides;
    enum error e = add_event(events, leaf, &event, fault);
    if (e != ERR_OK || event == NULL)
        return e;
    event->anchor_size = heads->anchor_size;
    event->head_size = heads->head_size;
    (void)snprintf(event->by, sizeof event->by, "%.*s", RAW(by));
    struct book_heads *list = realloc(replay->heads, events->count * sizeof *list);
    if (list == NULL)
        return out_of_memory(fault);
    replay->heads = list;
    list[events->count - 1] = *heads;
    return ERR_OK;
}

enum error replay_override(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    const struct book_heads heads = heads_of(leaf);
    if (heads.head_size > leaf->index)
        FIND(replay, leaf, "override-head",
             "It names a head of %lld leaves, which the ledger did not have yet.",
             (long long)heads.head_size);
    check_consents(replay, leaf, &heads);
    replay->overridden_unix_ms = leaf->time_unix_ms;
    return note_override(replay, leaf, &heads, fault);
}
