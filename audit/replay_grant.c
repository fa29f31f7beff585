/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Leaves of signed documents: what each does to its product. Who signed is in replay_document.c. */
#include "audit/replay_document.h"

#define BIT(name) LEAF_FIELD(FIELD_##name)

#define SETTINGS_FIELDS \
    (BIT(PROFILE) | BIT(POLICY) | BIT(ANCHORS) | BIT(SESSION_KEY_EXPOSURE) | BIT(ATTEMPTS_MAX))
#define HEAD_FIELDS (BIT(ANCHOR_SIZE) | BIT(ANCHOR_ROOT) | BIT(HEAD_SIZE) | BIT(HEAD_ROOT))
#define KEY_FIELDS  (BIT(SERIAL) | BIT(OLD_KEY) | BIT(NEW_KEY))

/* What a leaf must have beside, by its kind. */
static const leaf_fields REQUIRED[] = {
    [GRANT_INSTALL] = BIT(UNITS),
    [GRANT_SCRAP] = BIT(UNITS),
    [GRANT_REVOKE] = BIT(UNITS) | BIT(TAKEN),
    [GRANT_POLICY] = BIT(SEQUENCE) | BIT(AUTHORITIES) | SETTINGS_FIELDS,
    [GRANT_OVERRIDE] = HEAD_FIELDS,
    [GRANT_REBIND] = BIT(SEQUENCE) | KEY_FIELDS,
    [GRANT_STANDBY] = BIT(SEQUENCE) | BIT(STANDBY) | BIT(SPKI) | BIT(ALLOWED),
};

static bool read_kind(struct replay *replay, const struct leaf *leaf, enum grant_kind *ret_kind)
{
    char name[LEAF_NAME_SHOWN];
    if (!canonical_decode(leaf_text(leaf, FIELD_KIND), name, sizeof name) ||
        !grant_kind_parse(name, ret_kind)) {
        FIND(replay, leaf, "leaf-field", "Its field kind is none that this version knows.");
        return false;
    }
    leaf_fields missing = REQUIRED[*ret_kind] & ~leaf->has;
    if (missing == 0)
        return true;
    FIND(replay, leaf, "leaf-field", "Its field %s is missing.",
         leaf_field_name(leaf_fields_first(missing)));
    return false;
}

/* ---- what each kind does ---- */

/* Never what was charged: the units asked for, or what remains when that is less. */
static void revoke(struct replay *replay, const struct leaf *leaf, struct book_product *product)
{
    int64_t units = leaf_number(leaf, FIELD_UNITS);
    int64_t taken = leaf_number(leaf, FIELD_TAKEN);
    int64_t remaining = replay_remaining(product);
    int64_t right = units < remaining ? units : remaining;
    if (taken != right)
        FIND(replay, leaf, "revoke-taken",
             "It revokes %lld units of product %.*s and takes %lld; it must take %lld.",
             (long long)units, RAW(product->name), (long long)taken, (long long)right);
    product->sum.account.revoked += taken;
}

static void check_sequence(struct replay *replay, const struct leaf *leaf,
                           struct book_product *product)
{
    int64_t sequence = leaf_number(leaf, FIELD_SEQUENCE);
    if (sequence != product->sequence + 1)
        FIND(replay, leaf, "grant-sequence",
             "It is number %lld of the numbered documents of product %.*s; number %lld is "
             "the next.",
             (long long)sequence, RAW(product->name), (long long)product->sequence + 1);
    product->sequence = sequence;
}

static void set_policy(struct replay *replay, const struct leaf *leaf, struct book_product *product)
{
    const struct sha256 authorities = leaf_digest(leaf, FIELD_AUTHORITIES);
    if (product->sequence == 0 && !sha256_equal(&authorities, &product->sum.first_authorities))
        FIND(replay, leaf, "first-authorities",
             "It names other authorities of product %.*s than the leaf that made it.",
             RAW(product->name));
    check_sequence(replay, leaf, product);
    product->sum.is_per_license = leaf_text_is(leaf, FIELD_POLICY, "per-license");
    product->attempts_max = leaf_number(leaf, FIELD_ATTEMPTS_MAX);
}

static void consent(const struct leaf *leaf, struct book_product *product)
{
    product->has_consent = true;
    product->consent = (struct book_heads){.anchor_size = leaf_number(leaf, FIELD_ANCHOR_SIZE),
                                           .head_size = leaf_number(leaf, FIELD_HEAD_SIZE),
                                           .anchor_root = leaf_digest(leaf, FIELD_ANCHOR_ROOT),
                                           .head_root = leaf_digest(leaf, FIELD_HEAD_ROOT)};
}

static enum error apply(struct replay *replay, const struct leaf *leaf, enum grant_kind kind,
                        uint32_t product_number, struct fault *fault)
{
    struct book_product *product = book_product(&replay->book, product_number);
    switch (kind) {
    case GRANT_INSTALL:
        replay_add_units(replay, leaf, &product->sum.account.accepted);
        return ERR_OK;
    case GRANT_SCRAP:
        replay_add_units(replay, leaf, &product->sum.account.scrap_allowance);
        return ERR_OK;
    case GRANT_REVOKE:
        revoke(replay, leaf, product);
        return ERR_OK;
    case GRANT_POLICY:
        set_policy(replay, leaf, product);
        return ERR_OK;
    case GRANT_OVERRIDE:
        consent(leaf, product);
        return ERR_OK;
    case GRANT_REBIND:
        check_sequence(replay, leaf, product);
        return replay_rebind(replay, leaf, product_number, fault);
    case GRANT_STANDBY:
        check_sequence(replay, leaf, product);
        return replay_allow_standby(replay, leaf, product_number, fault);
    }
    return ERR_OK;
}

enum error replay_grant(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    uint32_t number = 0;
    enum grant_kind kind = GRANT_INSTALL;
    struct book_product *product = replay_find_product(replay, leaf, &number);
    if (product == NULL)
        return ERR_OK;
    if (!product->sum.is_governed)
        FIND(replay, leaf, "grant-local",
             "It has a signed document for product %.*s, which is local.", RAW(product->name));
    product->sum.documents++;
    if (!read_kind(replay, leaf, &kind))
        return ERR_OK;
    enum error e = ERR_OK;
    if (replay->documents != NULL)
        e = replay_document(replay, leaf, product, fault);
    if (e == ERR_OK)
        e = apply(replay, leaf, kind, number, fault);
    if (e == ERR_OK)
        replay_check_quota(replay, leaf, product);
    return e;
}
