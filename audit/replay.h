/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Following the leaves from the first one, by the rules that the service claims to keep
 * (docs/JOURNAL.md, docs/grants.md): each leaf moves the book, and what the rules do not allow is
 * found. Where a leaf breaks a rule the book follows the leaf, so that the account at the end is
 * what the leaves say.
 *
 * Order of calls: replay_init, replay_leaf for each leaf in its order, replay_finish, replay_clear.
 * Private to audit/. Threads: one.
 */
#ifndef AUDIT_REPLAY_H
#define AUDIT_REPLAY_H

#include "audit/book.h"
#include "audit/documents.h"
#include "audit/findings.h"
#include "audit/leaf.h"
#include "audit/report.h"
#include "journal/export.h"

struct replay {
    const struct export_file *file;
    struct documents *documents; /* NULL: signed documents are not looked at */
    struct bytes challenge;      /* raw, as its leaf has it; empty: none */
    struct audit_report *report;
    struct findings findings;
    struct book book;
    enum leaf_type previous;
    int64_t time_unix_ms;       /* of the leaf before */
    int64_t overridden_unix_ms; /* the last override; 0: none */
    uint32_t awaiting;          /* the governed product that was made by the leaf before */
    struct book_heads *heads;   /* of report->overrides.items, one each */
    struct bytes key;           /* the checkpoint key that the auditor trusts; empty: none */
    bool is_retired;            /* the journal has ended */
};

/* file, documents and report are borrowed until replay_clear. */
void replay_init(struct replay *replay, const struct export_file *file, struct documents *documents,
                 struct audit_report *report);
void replay_clear(struct replay *replay);

/* Only for want of memory does it fail: what is wrong with a leaf is a finding. */
enum error replay_leaf(struct replay *replay, const struct leaf *leaf,
                       struct fault *fault) MUST_USE;
/* After the last leaf: the accounts go into the report. */
enum error replay_finish(struct replay *replay, struct fault *fault) MUST_USE;

#endif
