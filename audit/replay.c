/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The order of leaves, and the table of handlers. */
#include "audit/replay.h"

#include <stdlib.h>
#include <string.h>

#include "audit/replay_part.h"
#include "core/clock.h"

static const replay_handler HANDLERS[LEAF_TYPES] = {
    [LEAF_ACCOUNT] = replay_account,
    [LEAF_CHALLENGE] = replay_challenge,
    [LEAF_CHECKPOINT_KEY_ROTATED] = replay_key_rotated,
    [LEAF_CRLS_SET] = replay_crls_set,
    [LEAF_DEVICE_DISALLOWED] = replay_listed,
    [LEAF_DEVICE_REBOUND] = replay_rebound,
    [LEAF_DEVICES_ALLOWED] = replay_listed,
    [LEAF_FIRMWARE_KEY_DESTROYED] = replay_firmware_key_destroyed,
    [LEAF_FIRMWARE_KEY_ROTATED] = replay_firmware_key_rotated,
    [LEAF_GRANT] = replay_grant,
    [LEAF_IDENTITY_REFUSED] = replay_refused,
    [LEAF_IMAGE_ADDED] = replay_image_added,
    [LEAF_IMAGE_DISABLED] = replay_image_switched,
    [LEAF_IMAGE_ENABLED] = replay_image_switched,
    [LEAF_INITIALISED] = replay_initialised,
    [LEAF_INSTALL_OUTCOME] = replay_outcome,
    [LEAF_LICENSE_ISSUED] = replay_issued,
    [LEAF_LICENSE_REISSUED] = replay_reissued,
    [LEAF_OVERRIDE] = replay_override,
    [LEAF_PRINCIPAL_ADDED] = replay_principal_added,
    [LEAF_PRINCIPAL_DISABLED] = replay_principal_switched,
    [LEAF_PRINCIPAL_ENABLED] = replay_principal_switched,
    [LEAF_PRINCIPAL_KEY_ADDED] = replay_principal_key_added,
    [LEAF_PRINCIPAL_KEY_REMOVED] = replay_principal_key_removed,
    [LEAF_PRINCIPAL_NARROWED] = replay_principal_narrowed,
    [LEAF_PRODUCT_CREATED] = replay_product_created,
    [LEAF_QUOTA_ADDED] = replay_quota_added,
    [LEAF_RETIRED] = replay_retired,
    [LEAF_SCRAP_ALLOWANCE_ADDED] = replay_scrap_added,
    [LEAF_SESSION_KEYS_EXPORTED] = replay_keys_exported,
    [LEAF_SESSION_KEYS_IMPORTED] = replay_keys_imported,
    [LEAF_STANDBY_ADDED] = replay_standby_added,
    [LEAF_STANDBY_REMOVED] = replay_standby_removed,
    [LEAF_START] = replay_start,
};

void replay_init(struct replay *replay, const struct export_file *file, struct documents *documents,
                 struct audit_report *report)
{
    *replay = (struct replay){
        .file = file, .documents = documents, .report = report, .awaiting = POOL_NONE};
    book_init(&replay->book);
}

void replay_clear(struct replay *replay)
{
    book_clear(&replay->book);
    findings_clear(&replay->findings);
    free(replay->heads);
    replay->heads = NULL;
}

/* ---- each leaf ---- */

static void find_flaw(struct replay *replay, const struct leaf *leaf)
{
    const char *field = leaf_field_name(leaf->flaw_field);
    switch (leaf->flaw) {
    case LEAF_SOUND:
        return;
    case LEAF_TOO_LONG:
        FIND(replay, leaf, "leaf-too-long", "It is longer than %d bytes: no service wrote it.",
             LEAF_SIZE_MAX);
        return;
    case LEAF_NOT_CANONICAL:
        FIND(replay, leaf, "leaf-not-canonical",
             "It is not in the one form that leaves are written in: no service wrote it so.");
        return;
    case LEAF_OTHER_VERSION:
        FIND(replay, leaf, "leaf-version",
             "It is of another version of the encoding than this program reads (%d).",
             LEAF_VERSION);
        return;
    case LEAF_FIELD_MISSING:
        FIND(replay, leaf, "leaf-field", "Its field %s is missing.", field);
        return;
    case LEAF_FIELD_WRONG:
        FIND(replay, leaf, "leaf-field", "Its field %s has not the form that it must have.", field);
        return;
    }
}

static void check_time(struct replay *replay, const struct leaf *leaf)
{
    char before[TIMESTAMP_SIZE];
    struct audit_report *report = replay->report;
    if (leaf->time_unix_ms < replay->time_unix_ms) {
        timestamp_format(replay->time_unix_ms, before);
        FIND(replay, leaf, "time-back",
             "Its time is before %s, that of a leaf before it: leaves never go back in time, so it "
             "is not where it was.",
             before);
    } else {
        replay->time_unix_ms = leaf->time_unix_ms;
    }
    if (report->first_unix_ms == 0)
        report->first_unix_ms = leaf->time_unix_ms;
    report->last_unix_ms = replay->time_unix_ms;
}

static bool is_first_policy(const struct leaf *leaf, const struct book_product *product)
{
    return leaf->type == LEAF_GRANT && leaf_text_is(leaf, FIELD_KIND, "policy") &&
           bytes_equal(leaf_text(leaf, FIELD_PRODUCT), product->name);
}

/* A governed product is made by its first policy, whose leaf is the next one. */
static void check_awaited(struct replay *replay, const struct leaf *leaf)
{
    uint32_t number = replay->awaiting;
    replay->awaiting = POOL_NONE;
    if (number == POOL_NONE)
        return;
    const struct book_product *product = book_product(&replay->book, number);
    if (leaf == NULL || !is_first_policy(leaf, product))
        findings_add(&replay->findings, RANK_LEAF, "governed-without-policy", product->created,
                     "It makes the governed product %.*s, and the leaf of the signed policy that "
                     "makes such a product does not follow it.",
                     RAW(product->name));
}

enum error replay_leaf(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    enum error e = ERR_OK;
    if (leaf->index == 0 && leaf->type != LEAF_START)
        FIND(replay, leaf, "no-start", "A journal begins with the first start of its service.");
    if (replay->is_retired)
        FIND(replay, leaf, "after-retired",
             "It comes after the leaf that ended the journal, after which there is none.");
    if (leaf->flaw != LEAF_SOUND) {
        find_flaw(replay, leaf);
        replay->previous = LEAF_UNKNOWN;
        replay->awaiting = POOL_NONE;
        return ERR_OK;
    }
    check_time(replay, leaf);
    check_awaited(replay, leaf);
    if (leaf->type == LEAF_UNKNOWN)
        replay->report->unknown_leaves++;
    if (HANDLERS[leaf->type] != NULL)
        e = HANDLERS[leaf->type](replay, leaf, fault);
    replay->previous = leaf->type;
    return e;
}

/* ---- the end ---- */

static void finish_product(struct book_product *product, struct audit_product *out)
{
    struct export_account *account = &product->sum.account;
    memcpy(account->product, product->name.data, product->name.length);
    account->product[product->name.length] = '\0';
    account->granted = replay_granted(product);
    account->remaining = replay_remaining(product);
    account->unreported =
        account->charged - account->succeeded - account->failed - account->scrapped;
    *out = product->sum;
}

enum error replay_finish(struct replay *replay, struct fault *fault)
{
    struct audit_report *report = replay->report;
    uint32_t count = replay->book.products.count;
    check_awaited(replay, NULL);
    report->products = calloc((size_t)count + 1, sizeof *report->products);
    if (report->products == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the audit.",
                         0);
    for (uint32_t i = 0; i < count; i++)
        finish_product(book_product(&replay->book, i), &report->products[i]);
    report->product_count = count;
    return ERR_OK;
}
