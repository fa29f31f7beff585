/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The journal's tree: its growth as part of a change, and roots, proofs and leaves for readers.
 * Rows of leaves and hashes are only ever added, so a reader that knows a size needs no snapshot
 * to compute over it. Owns no state.
 */
#include "ledger/journal.h"

#include "ledger/handle.h"

/* ---- growing, in the writer's transaction ---- */

static enum error tile_root(struct change_context *context, unsigned level, int64_t first,
                            struct sha256 *ret_root, struct fault *fault)
{
    struct sha256 hashes[TREE_TILE_WIDTH];
    struct tree_range range = {0};
    enum error e =
        context->ops->tree_read(context->store, level, first, TREE_TILE_WIDTH, hashes, fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < TREE_TILE_WIDTH; i++)
        tree_range_add(&range, &hashes[i]);
    *ret_root = tree_range_root(&range);
    return ERR_OK;
}

/* A full tile's root is the next level's hash, which may fill a tile in turn. */
static enum error grow(struct change_context *context, int64_t index, struct sha256 hash,
                       struct fault *fault)
{
    enum error e = ERR_OK;
    for (unsigned level = 0; level < TREE_LEVELS && e == ERR_OK; level++) {
        e = context->ops->tree_add(context->store, level, index, &hash, fault);
        if ((index + 1) % TREE_TILE_WIDTH != 0)
            return e;
        if (e == ERR_OK)
            e = tile_root(context, level, index + 1 - TREE_TILE_WIDTH, &hash, fault);
        index /= TREE_TILE_WIDTH;
    }
    return e;
}

enum error journal_append(struct change_context *context, struct bytes entry, int64_t *ret_index,
                          struct fault *fault)
{
    int64_t index = 0;
    enum error e = context->ops->journal_append(context->store, entry, &index, fault);
    if (e == ERR_OK)
        e = grow(context, index, tree_leaf_hash(entry), fault);
    if (e == ERR_OK)
        *ret_index = index;
    return e;
}

enum error journal_size(struct change_context *context, int64_t *ret_size, struct fault *fault)
{
    return context->ops->journal_size(context->store, ret_size, fault);
}

/* ---- roots ---- */

enum error journal_too_short(struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, "journal-too-short",
                     "The journal has fewer leaves: ask for a size up to that of its checkpoint.",
                     0);
}

static enum error read_in_change(void *context, unsigned level, int64_t first, size_t count,
                                 struct sha256 *out, struct fault *fault)
{
    struct change_context *change = context;
    return change->ops->tree_read(change->store, level, first, count, out, fault);
}

static enum error read_committed(void *context, unsigned level, int64_t first, size_t count,
                                 struct sha256 *out, struct fault *fault)
{
    struct ledger *ledger = context;
    return ledger->ops->hashes(ledger->store, level, first, count, out, fault);
}

enum error journal_root(struct change_context *context, int64_t size, struct sha256 *ret_root,
                        struct fault *fault)
{
    const struct tree_source source = {.read = read_in_change, .context = context};
    int64_t leaves = 0;
    enum error e = journal_size(context, &leaves, fault);
    if (e == ERR_OK && (size < 0 || size > leaves))
        e = journal_too_short(fault);
    return e == ERR_OK ? tree_root(&source, size, ret_root, fault) : e;
}

/* ---- reading ---- */

static struct tree_source committed(struct ledger *ledger)
{
    return (struct tree_source){.read = read_committed, .context = ledger};
}

static enum error need_size(struct ledger *ledger, int64_t size, struct fault *fault)
{
    struct ledger_info info;
    enum error e = ledger->ops->info(ledger->store, &info, fault);
    if (e == ERR_OK && (size < 0 || size > info.journal_size))
        e = journal_too_short(fault);
    return e;
}

int64_t ledger_opened_size(const struct ledger *ledger)
{
    return ledger->opened_size;
}

enum error ledger_head(struct ledger *ledger, struct ledger_head *ret_head, struct fault *fault)
{
    const struct tree_source source = committed(ledger);
    struct ledger_info info;
    struct ledger_head head;
    enum error e = ledger->ops->info(ledger->store, &info, fault);
    if (e != ERR_OK)
        return e;
    head.size = info.journal_size;
    e = tree_root(&source, head.size, &head.root, fault);
    if (e == ERR_OK)
        *ret_head = head;
    return e;
}

enum error ledger_root(struct ledger *ledger, int64_t size, struct sha256 *ret_root,
                       struct fault *fault)
{
    const struct tree_source source = committed(ledger);
    enum error e = need_size(ledger, size, fault);
    return e == ERR_OK ? tree_root(&source, size, ret_root, fault) : e;
}

enum error ledger_inclusion(struct ledger *ledger, int64_t index, int64_t size,
                            struct tree_proof *ret_proof, struct fault *fault)
{
    const struct tree_source source = committed(ledger);
    enum error e = need_size(ledger, size, fault);
    return e == ERR_OK ? tree_inclusion(&source, index, size, ret_proof, fault) : e;
}

enum error ledger_consistency(struct ledger *ledger, int64_t old_size, int64_t size,
                              struct tree_proof *ret_proof, struct fault *fault)
{
    const struct tree_source source = committed(ledger);
    enum error e = need_size(ledger, size, fault);
    return e == ERR_OK ? tree_consistency(&source, old_size, size, ret_proof, fault) : e;
}

/* Leaves that must exist for these hashes; more than any journal has when they never can. */
static int64_t leaves_below(unsigned level, int64_t first, size_t count)
{
    if (level >= TREE_LEVELS || first < 0 || count < 1 || count > TREE_TILE_WIDTH)
        return INT64_MAX;
    int64_t width = INT64_C(1) << (TREE_TILE_HEIGHT * level);
    if (first > TREE_SIZE_MAX / width - (int64_t)count)
        return INT64_MAX;
    return (first + (int64_t)count) * width;
}

enum error ledger_hashes(struct ledger *ledger, unsigned level, int64_t first, size_t count,
                         struct sha256 *out, struct fault *fault)
{
    enum error e = need_size(ledger, leaves_below(level, first, count), fault);
    return e == ERR_OK ? ledger->ops->hashes(ledger->store, level, first, count, out, fault) : e;
}

enum error ledger_leaves_each(struct ledger *ledger, int64_t first, int64_t count,
                              bool (*each)(void *context, int64_t index, struct bytes entry),
                              void *context, struct fault *fault)
{
    if (first < 0 || count < 0)
        return fault_set(fault, ERR_BAD_REQUEST, "range",
                         "A range of leaves begins at 0 or later and counts 0 or more.", 0);
    return ledger->ops->leaves_each(ledger->store, first, count, each, context, fault);
}

enum error ledger_install_leaf(struct ledger *ledger, const struct uuid *install,
                               int64_t *ret_index, struct fault *fault)
{
    return ledger->ops->install_leaf(ledger->store, install, ret_index, fault);
}
