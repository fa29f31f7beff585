/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* How installs ended, and what that does to units and to the scrap allowance. */
#include "audit/replay_part.h"

/* An outcome and all that it is about. */
struct outcome {
    enum book_result result;
    uint32_t install_number;
    struct book_install *install;
    struct book_device *device;
    struct book_unit *unit;
    struct book_product *product;
};

static enum book_result result_of(const struct leaf *leaf)
{
    if (leaf_text_is(leaf, FIELD_RESULT, "succeeded"))
        return BOOK_SUCCEEDED;
    return leaf_text_is(leaf, FIELD_RESULT, "failed") ? BOOK_FAILED : BOOK_SCRAPPED;
}

static bool find_outcome(struct replay *replay, const struct leaf *leaf, struct outcome *outcome)
{
    struct book *book = &replay->book;
    const struct uuid id = leaf_uuid(leaf, FIELD_INSTALL);
    outcome->result = result_of(leaf);
    outcome->install_number = book_find_install(book, &id);
    if (outcome->install_number == POOL_NONE) {
        FIND(replay, leaf, "outcome-unknown", "It reports how an install ended that never began.");
        return false;
    }
    outcome->install = book_install(book, outcome->install_number);
    outcome->device = book_device(book, outcome->install->device);
    outcome->unit = book_unit(book, outcome->install->unit);
    outcome->product = book_product(book, outcome->device->product);
    return true;
}

static void check_outcome(struct replay *replay, const struct leaf *leaf,
                          const struct outcome *outcome)
{
    int64_t attempt = leaf_number(leaf, FIELD_ATTEMPT);
    (void)replay_find_station(replay, leaf, outcome->product->name);
    if (attempt != outcome->install->attempts)
        FIND(replay, leaf, "attempt-number",
             "It says that its license was asked for %lld times, and by the leaves before it that "
             "was %lld times.",
             (long long)attempt, (long long)outcome->install->attempts);
    if (outcome->device->is_scrapped && outcome->result != BOOK_SCRAPPED)
        FIND(replay, leaf, "after-scrapped",
             "It reports an install of a device of product %.*s that was reported as scrapped.",
             RAW(outcome->product->name));
}

/* ---- scrap ---- */

/* A device draws one unit of the allowance, when it is scrapped and one is left. */
static void scrap(struct replay *replay, const struct leaf *leaf, const struct outcome *outcome)
{
    struct export_account *account = &outcome->product->sum.account;
    bool may_draw =
        !outcome->device->is_scrapped && account->scrap_drawn < account->scrap_allowance;
    bool draws = leaf_flag(leaf, FIELD_SCRAP_DRAWN);
    if (!leaf_has(leaf, FIELD_SCRAP_DRAWN))
        FIND(replay, leaf, "leaf-field", "Its field scrap_drawn is missing.");
    if (draws && !may_draw)
        FIND(replay, leaf, "scrap-drawn",
             "It draws a unit of the scrap allowance of product %.*s, %s.",
             RAW(outcome->product->name),
             outcome->device->is_scrapped ? "and its device was scrapped before"
                                          : "of which none was left");
    if (!draws && may_draw)
        FIND(replay, leaf, "scrap-not-drawn",
             "It draws no unit of the scrap allowance of product %.*s, although one was left.",
             RAW(outcome->product->name));
    if (draws)
        account->scrap_drawn++;
    outcome->device->is_scrapped = true;
}

/* ---- receipts of devices ---- */

static void check_receipt(struct replay *replay, const struct leaf *leaf,
                          const struct outcome *outcome)
{
    struct sha256 key;
    if (leaf->receipt == LEAF_NO_RECEIPT)
        return;
    if (outcome->result != BOOK_SUCCEEDED)
        FIND(replay, leaf, "receipt-result",
             "It has a device's receipt for an install that did "
             "not succeed.");
    if (leaf->receipt == LEAF_RECEIPT_WRONG)
        FIND(replay, leaf, "receipt-signature",
             "The device's receipt in it is no signature of the key in it over the install's id.");
    if (!leaf_receipt_key(leaf, &key) || !sha256_equal(&key, &outcome->device->key))
        FIND(replay, leaf, "receipt-key",
             "The receipt in it is of another key than the device's, a device of product %.*s.",
             RAW(outcome->product->name));
}

/* An outcome without a receipt takes no proof away from one that said the same. */
static bool is_proven(const struct leaf *leaf, const struct outcome *outcome)
{
    return leaf_has(leaf, FIELD_RECEIPT) ||
           (outcome->install->has_receipt && outcome->result == BOOK_SUCCEEDED &&
            outcome->install->result == BOOK_SUCCEEDED);
}

/* ---- the unit ---- */

/* A unit's outcome is that of its newest install, but scrapped counts from any, and for ever. */
static bool counts(const struct outcome *outcome)
{
    return outcome->unit->result != BOOK_SCRAPPED &&
           (outcome->unit->newest == outcome->install_number || outcome->result == BOOK_SCRAPPED);
}

static void move_unit(const struct outcome *outcome, bool is_unit_proven)
{
    if (!counts(outcome))
        return;
    replay_move_result(outcome->product, outcome->unit, -1);
    outcome->unit->result = (uint8_t)outcome->result;
    outcome->unit->is_proven = is_unit_proven;
    replay_move_result(outcome->product, outcome->unit, 1);
}

enum error replay_outcome(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct outcome outcome;
    (void)fault;
    if (!find_outcome(replay, leaf, &outcome))
        return ERR_OK;
    check_outcome(replay, leaf, &outcome);
    check_receipt(replay, leaf, &outcome);
    bool has_proof = is_proven(leaf, &outcome);
    if (outcome.result == BOOK_SCRAPPED)
        scrap(replay, leaf, &outcome);
    else if (leaf_has(leaf, FIELD_SCRAP_DRAWN))
        FIND(replay, leaf, "leaf-field", "Its field scrap_drawn is of scrapped devices only.");
    move_unit(&outcome, has_proof);
    outcome.install->result = (uint8_t)outcome.result;
    outcome.install->has_receipt = has_proof;
    return ERR_OK;
}
