/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The signed head of the export: whose it is, and whether the leaves give it. */
#include "audit/verify_part.h"

#include <string.h>

#define HEAD(verification, word, ...) \
    findings_add(&(verification)->replay.findings, RANK_HEAD, (word), -1, __VA_ARGS__)

/* ---- the signature ---- */

static void find_unsigned(struct verification *verification, const char *reason)
{
    if (strcmp(reason, "checkpoint-other-key") == 0)
        HEAD(verification, "checkpoint-other-key",
             "The export's checkpoint was signed by another key than the one that you gave.");
    else if (strcmp(reason, "checkpoint-forged") == 0)
        HEAD(verification, "checkpoint-forged",
             "The export's checkpoint has a signature of the key that is wrong: the checkpoint was "
             "altered.");
    else if (strcmp(reason, "checkpoint-retired-key") == 0)
        HEAD(verification, "checkpoint-retired-key",
             "The export's checkpoint was signed by a checkpoint key of this journal that does not "
             "sign heads of that size: by the leaves another one had taken over, or had not yet.");
    else
        HEAD(verification, "checkpoint-malformed", "The export's checkpoint cannot be read.");
}

enum error verify_signature(struct verification *verification, struct fault *fault)
{
    struct audit_report *report = verification->report;
    const char *note = export_header(verification->file)->checkpoint;
    struct bytes text = bytes_of(note, strlen(note));
    enum error e = verify_open_head(verification, text, &report->checkpoint, fault);
    report->is_signed = report->has_checkpoint = e == ERR_OK;
    if (e == ERR_OK)
        return ERR_OK;
    if (e != ERR_BAD_REQUEST || strcmp(fault->reason, "key-malformed") == 0)
        return e;
    find_unsigned(verification, fault->reason);
    report->has_checkpoint = checkpoint_read(text, &report->checkpoint, fault) == ERR_OK;
    return ERR_OK;
}

/* ---- the root ---- */

static void find_other_root(struct verification *verification)
{
    if (verification->proven_size > 0)
        HEAD(
            verification, "root",
            "The leaves do not give the signed root: at least one was changed, exchanged or moved. "
            "The first %lld are as a head that you hold says, so it is leaf %lld or a later one.",
            (long long)verification->proven_size, (long long)verification->proven_size);
    else
        HEAD(
            verification, "root",
            "The leaves do not give the signed root: at least one was changed, exchanged or moved. "
            "Which one cannot be known from this file alone.");
}

static void find_added(struct verification *verification, bool begins_right)
{
    int64_t size = verification->report->checkpoint.size;
    int64_t more = verification->report->leaves - size;
    if (begins_right)
        HEAD(verification, "leaves-appended",
             "The first %lld leaves give the signed root; the last %lld leaves are not covered by "
             "the checkpoint.",
             (long long)size, (long long)more);
    else
        HEAD(verification, "leaves-inserted",
             "The export has %lld leaves more than were signed (%lld), and its beginning does not "
             "give the signed root: leaves were inserted.",
             (long long)more, (long long)size);
}

static enum error check_root(struct verification *verification, struct fault *fault)
{
    struct sha256 root;
    const struct audit_report *report = verification->report;
    int64_t size = report->checkpoint.size;
    if (!report->has_checkpoint)
        return ERR_OK;
    if (size > report->leaves) {
        HEAD(verification, "leaves-missing",
             "The checkpoint covers %lld leaves and the export has %lld: leaves were removed, or "
             "its end was cut off.",
             (long long)size, (long long)report->leaves);
        return ERR_OK;
    }
    enum error e = log_tree_root(verification->tree, size, &root, fault);
    if (e != ERR_OK)
        return e;
    bool is_right = sha256_equal(&root, &report->checkpoint.root);
    if (size < report->leaves)
        find_added(verification, is_right);
    else if (!is_right)
        find_other_root(verification);
    return ERR_OK;
}

/* ---- whose journal it is ---- */

static void check_identity(struct verification *verification)
{
    const struct audit_report *report = verification->report;
    char origin[CHECKPOINT_ORIGIN_MAX + 1];
    if (!report->has_identity) {
        HEAD(verification, "not-initialised",
             "No leaf binds the journal to a site and an HSM: whose it is cannot be known.");
        return;
    }
    if (report->key_given == 0)
        HEAD(verification, "identity",
             "The journal is bound to another HSM than the one whose key you gave, and no leaf "
             "names that key as a later one.");
    checkpoint_origin(report->site, &report->hsm, origin);
    if (report->has_checkpoint && strcmp(origin, report->checkpoint.origin) != 0)
        HEAD(verification, "origin",
             "The checkpoint is of the journal %s, and the leaves are of %s.",
             report->checkpoint.origin, origin);
}

/* ---- overrides ---- */

/* The ledger goes on from the head that was found: the journal still begins with it. */
static enum error check_override(struct verification *verification, size_t i, struct fault *fault)
{
    struct sha256 root;
    const struct audit_event *event = &verification->report->overrides.items[i];
    const struct book_heads *heads = &verification->replay.heads[i];
    if (heads->head_size > event->leaf)
        return ERR_OK; /* found when the leaf was read */
    enum error e = log_tree_root(verification->tree, heads->head_size, &root, fault);
    if (e == ERR_OK && !sha256_equal(&root, &heads->head_root))
        findings_add(&verification->replay.findings, RANK_LEAF, "override-head", event->leaf,
                     "It says that the ledger was found with %lld leaves of another root than "
                     "those that it has.",
                     (long long)heads->head_size);
    return e;
}

static enum error check_overrides(struct verification *verification, struct fault *fault)
{
    const struct audit_events *overrides = &verification->report->overrides;
    enum error e = ERR_OK;
    for (size_t i = 0; i < overrides->count && e == ERR_OK; i++)
        e = check_override(verification, i, fault);
    if (overrides->total > (int64_t)overrides->count)
        findings_add(&verification->replay.findings, RANK_LEAF, "overrides-many", -1,
                     "The journal has %lld overrides, of which only the first %zu were checked.",
                     (long long)overrides->total, overrides->count);
    return e;
}

enum error verify_head(struct verification *verification, struct fault *fault)
{
    enum error e = check_root(verification, fault);
    check_identity(verification);
    if (e == ERR_OK)
        e = check_overrides(verification, fault);
    return e;
}
