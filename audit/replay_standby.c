/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Leaves about other HSMs that session keys are wrapped for. */
#include "audit/replay_part.h"

static struct book_standby standby_of(const struct leaf *leaf, uint32_t product)
{
    return (struct book_standby){.hsm = leaf_digest(leaf, FIELD_STANDBY),
                                 .transport_key = leaf_digest(leaf, FIELD_SPKI),
                                 .product = product};
}

static bool is_allowed(const struct replay *replay, const struct leaf *leaf, uint32_t product)
{
    const struct book_standby wanted = standby_of(leaf, product);
    uint32_t number = book_find_standby(&replay->book, &wanted);
    return number != POOL_NONE && book_standby(&replay->book, number)->is_allowed;
}

static enum error allow(struct replay *replay, const struct book_standby *standby,
                        struct fault *fault)
{
    uint32_t number = book_find_standby(&replay->book, standby);
    if (number == POOL_NONE)
        return book_add_standby(&replay->book, standby, fault);
    book_standby(&replay->book, number)->is_allowed = standby->is_allowed;
    return ERR_OK;
}

enum error replay_allow_standby(struct replay *replay, const struct leaf *leaf, uint32_t product,
                                struct fault *fault)
{
    struct book_standby standby = standby_of(leaf, product);
    standby.is_allowed = leaf_flag(leaf, FIELD_ALLOWED);
    return allow(replay, &standby, fault);
}

enum error replay_standby_added(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct book_standby standby = standby_of(leaf, POOL_NONE);
    standby.is_allowed = true;
    if (is_allowed(replay, leaf, POOL_NONE))
        FIND(replay, leaf, "standby-twice", "The standby HSM that it adds was there.");
    return allow(replay, &standby, fault);
}

enum error replay_standby_removed(struct replay *replay, const struct leaf *leaf,
                                  struct fault *fault)
{
    const struct book_standby standby = standby_of(leaf, POOL_NONE);
    if (!is_allowed(replay, leaf, POOL_NONE))
        FIND(replay, leaf, "standby-unknown", "The standby HSM that it removes was not there.");
    return allow(replay, &standby, fault);
}

/* For a standby of this server, and of a governed product only for one that its maker named. */
enum error replay_keys_exported(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    uint32_t number = 0;
    const struct book_product *product = replay_find_product(replay, leaf, &number);
    (void)fault;
    if (product == NULL)
        return ERR_OK;
    if (!is_allowed(replay, leaf, POOL_NONE))
        FIND(replay, leaf, "standby-unknown",
             "Session keys of product %.*s were wrapped for an HSM that was no standby then.",
             RAW(product->name));
    if (product->sum.is_governed && !is_allowed(replay, leaf, number))
        FIND(replay, leaf, "standby-not-signed",
             "Session keys of product %.*s were wrapped for an HSM that no document of its maker "
             "named.",
             RAW(product->name));
    return ERR_OK;
}

/* The image itself is told by the leaf behind it. */
enum error replay_keys_imported(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    (void)fault;
    (void)replay_find_product(replay, leaf, NULL);
    return ERR_OK;
}
