/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What an auditor holds himself: an older checkpoint, receipts, his challenge. */
#include "audit/verify_part.h"

#include <string.h>

#include "audit/receipt.h"

#define RECEIPT_FROM 1 /* receipts are numbered for people from 1 */

#define EVIDENCE(verification, word, ...) \
    findings_add(&(verification)->replay.findings, RANK_EVIDENCE, (word), -1, __VA_ARGS__)

/* A signed head that the auditor holds, and how it is called. */
struct held {
    const char *name; /* "The checkpoint that you hold" */
    const char *other_key;
    const char *retired_key;
    const char *forged;
    const char *malformed;
    const char *other_log;
    const char *cut;
    const char *rewritten;
};

static const struct held SINCE = {"The older checkpoint that you hold",
                                  "since-other-key",
                                  "since-retired-key",
                                  "since-forged",
                                  "since-malformed",
                                  "since-other-log",
                                  "since-cut",
                                  "since-rewritten"};
static const struct held RECEIPT = {"The checkpoint in a receipt that you hold",
                                    "receipt-other-key",
                                    "receipt-retired-key",
                                    "receipt-forged",
                                    "receipt-malformed",
                                    "receipt-other-log",
                                    "receipt-cut",
                                    "receipt-rewritten"};

/* ---- signed heads ---- */

static enum error open_note(struct verification *verification, const struct held *held,
                            struct bytes note, struct checkpoint *ret_checkpoint,
                            struct fault *fault)
{
    enum error e = verify_open_head(verification, note, ret_checkpoint, fault);
    if (e != ERR_BAD_REQUEST)
        return e;
    if (strcmp(fault->reason, "key-malformed") == 0)
        return e;
    if (strcmp(fault->reason, "checkpoint-other-key") == 0)
        EVIDENCE(verification, held->other_key,
                 "%s was not signed by the key that you gave, nor by one of this journal's that "
                 "could be known. Of a head from before a rotation it is the older key: give the "
                 "first one.",
                 held->name);
    else if (strcmp(fault->reason, "checkpoint-retired-key") == 0)
        EVIDENCE(verification, held->retired_key,
                 "%s covers %lld leaves, and was signed by a checkpoint key of this journal that "
                 "does not sign heads of that size.",
                 held->name, (long long)ret_checkpoint->size);
    else if (strcmp(fault->reason, "checkpoint-forged") == 0)
        EVIDENCE(verification, held->forged, "%s has a signature of the key that is wrong.",
                 held->name);
    else
        EVIDENCE(verification, held->malformed, "%s is none that can be read.", held->name);
    return e;
}

static enum error compare_root(struct verification *verification, const struct held *held,
                               const struct checkpoint *checkpoint, bool *ret_holds,
                               struct fault *fault)
{
    struct sha256 root;
    enum error e = log_tree_root(verification->tree, checkpoint->size, &root, fault);
    if (e != ERR_OK)
        return e;
    *ret_holds = sha256_equal(&root, &checkpoint->root);
    if (!*ret_holds)
        EVIDENCE(verification, held->rewritten,
                 "The journal was rewritten: its first %lld leaves are not those that were signed. "
                 "%s covers them and has another root.",
                 (long long)checkpoint->size, held->name);
    else if (checkpoint->size > verification->proven_size)
        verification->proven_size = checkpoint->size;
    return ERR_OK;
}

/* Whether the export begins with what the head covers. */
static enum error check_head(struct verification *verification, const struct held *held,
                             const struct checkpoint *checkpoint, bool *ret_holds,
                             struct fault *fault)
{
    const struct audit_report *report = verification->report;
    *ret_holds = false;
    if (report->has_checkpoint && strcmp(report->checkpoint.origin, checkpoint->origin) != 0) {
        EVIDENCE(verification, held->other_log, "%s is of another journal: %s.", held->name,
                 checkpoint->origin);
        return ERR_OK;
    }
    if (checkpoint->size > report->leaves) {
        EVIDENCE(verification, held->cut,
                 "The journal was cut below what you hold, or an older one was put back: %s covers "
                 "%lld leaves, and the export has %lld.",
                 held->name, (long long)checkpoint->size, (long long)report->leaves);
        return ERR_OK;
    }
    return compare_root(verification, held, checkpoint, ret_holds, fault);
}

static enum error check_note(struct verification *verification, const struct held *held,
                             struct bytes note, struct checkpoint *ret_checkpoint, bool *ret_holds,
                             struct fault *fault)
{
    *ret_holds = false;
    ret_checkpoint->size = -1;
    enum error e = open_note(verification, held, note, ret_checkpoint, fault);
    if (e == ERR_OK)
        return check_head(verification, held, ret_checkpoint, ret_holds, fault);
    bool is_found = e == ERR_BAD_REQUEST && strcmp(fault->reason, "key-malformed") != 0;
    return is_found ? ERR_OK : e;
}

static enum error check_since(struct verification *verification, struct fault *fault)
{
    struct checkpoint checkpoint;
    struct audit_report *report = verification->report;
    bool holds = false;
    if (verification->request->since.length == 0)
        return ERR_OK;
    enum error e =
        check_note(verification, &SINCE, verification->request->since, &checkpoint, &holds, fault);
    report->since = holds ? AUDIT_HOLDS : AUDIT_FAILS;
    report->since_size = checkpoint.size;
    return e;
}

/* ---- receipts ---- */

static bool check_leaf(struct verification *verification, const struct receipt *receipt,
                       const struct checkpoint *checkpoint, size_t number)
{
    struct bytes leaf = bytes_of(receipt->leaf, receipt->leaf_length);
    const struct sha256 hash = tree_leaf_hash(leaf);
    if (receipt->size != checkpoint->size ||
        !tree_inclusion_holds(&receipt->proof, &hash, receipt->index, checkpoint->size,
                              &checkpoint->root)) {
        EVIDENCE(verification, "receipt-proof",
                 "The proof in receipt number %zu does not prove that its leaf is in the tree of "
                 "its checkpoint: the receipt was altered.",
                 number);
        return false;
    }
    if (receipt->index >= verification->report->leaves) {
        EVIDENCE(verification, "receipt-leaf-cut",
                 "The license of receipt number %zu is leaf %lld, and the export ends before it.",
                 number, (long long)receipt->index);
        return false;
    }
    if (!bytes_equal(leaf, export_leaf(verification->file, receipt->index))) {
        EVIDENCE(verification, "receipt-leaf",
                 "Leaf %lld of the export is not the one in receipt number %zu.",
                 (long long)receipt->index, number);
        return false;
    }
    return true;
}

static enum error check_receipt(struct verification *verification, size_t i, bool *ret_holds,
                                struct fault *fault)
{
    struct receipt receipt;
    struct checkpoint checkpoint;
    size_t number = i + RECEIPT_FROM;
    *ret_holds = false;
    if (!receipt_read(verification->request->receipts[i], &receipt)) {
        EVIDENCE(verification, "receipt-malformed",
                 "Receipt number %zu is none as the service answers it.", number);
        return ERR_OK;
    }
    enum error e =
        check_note(verification, &RECEIPT, bytes_of(receipt.checkpoint, strlen(receipt.checkpoint)),
                   &checkpoint, ret_holds, fault);
    if (e == ERR_OK && checkpoint.size >= 0)
        *ret_holds = check_leaf(verification, &receipt, &checkpoint, number) && *ret_holds;
    return e;
}

static enum error check_receipts(struct verification *verification, struct fault *fault)
{
    struct audit_report *report = verification->report;
    enum error e = ERR_OK;
    report->receipt_count = verification->request->receipt_count;
    if (report->receipt_count > 0)
        report->receipts = AUDIT_HOLDS;
    for (size_t i = 0; i < report->receipt_count && e == ERR_OK; i++) {
        bool holds = false;
        e = check_receipt(verification, i, &holds, fault);
        if (!holds)
            report->receipts = AUDIT_FAILS;
    }
    return e;
}

/* ---- the challenge ---- */

static void check_challenge(struct verification *verification)
{
    if (verification->report->challenge == AUDIT_FAILS)
        EVIDENCE(verification, "challenge-missing",
                 "Your challenge is in no leaf: this is not the journal that was exported for it, "
                 "and may be an older one.");
}

enum error verify_evidence(struct verification *verification, struct fault *fault)
{
    enum error e = check_since(verification, fault);
    if (e == ERR_OK)
        e = check_receipts(verification, fault);
    check_challenge(verification);
    return e;
}
