/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What an audit finds wrong, collected: of each kind the first few in full, of the rest the number,
 * so that a file that is wrong in every line is an answer and not a full memory.
 * Private to audit/. Threads: one.
 */
#ifndef AUDIT_FINDINGS_H
#define AUDIT_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "audit/report.h"
#include "core/error.h"

/* In which order they are told. */
enum finding_rank {
    RANK_HEAD,     /* hashes and signatures */
    RANK_EVIDENCE, /* what the auditor holds */
    RANK_DOCUMENT,
    RANK_LEAF,
    RANK_ACCOUNT,
    RANK_COUNT
};

struct finding_list {
    struct audit_finding *items;
    size_t count;
};

struct findings {
    struct finding_list lists[RANK_COUNT];
    struct audit_finding_kind *kinds;
    size_t kind_count;
    int64_t total;
    bool is_out_of_memory; /* told by findings_move */
};

/*
 * Adds one. word is a literal that names its kind; leaf is an index or -1. The sentence is ASCII,
 * begins with the leaf when there is one, and is cut at AUDIT_TEXT_SIZE.
 */
void findings_add(struct findings *findings, enum finding_rank rank, const char *word, int64_t leaf,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Moves all into the report, in the order of their ranks. ERR_INTERNAL ("memory"). */
enum error findings_move(struct findings *findings, struct audit_report *report,
                         struct fault *fault) MUST_USE;
void findings_clear(struct findings *findings);

#endif
