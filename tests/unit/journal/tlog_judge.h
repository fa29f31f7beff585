/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The judge of tests/judge/tlog-judge: Go's tlog. Claims are written to it, then it is asked.
 * PROVISIOND_BIN names the build folder. What cannot be run fails the test. Threads: one.
 */
#ifndef TESTS_UNIT_JOURNAL_TLOG_JUDGE_H
#define TESTS_UNIT_JOURNAL_TLOG_JUDGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "journal/tree.h"
#include "support/temp_dir.h"

struct tlog_judge {
    FILE *claims;
    unsigned count;
    char said[TEMP_PATH_MAX]; /* a file with what it printed */
};

/* Begins a judgement; dir takes what it prints. */
void tlog_judge_begin(struct tlog_judge *judge, const struct temp_dir *dir);
void tlog_judge_record(struct tlog_judge *judge, const struct tree_proof *proof,
                       const struct sha256 *leaf, int64_t index, int64_t size,
                       const struct sha256 *root);
void tlog_judge_tree(struct tlog_judge *judge, const struct tree_proof *proof, int64_t old_size,
                     const struct sha256 *old_root, int64_t size, const struct sha256 *root);
/* Any claim: one line of JSON without its newline, in printf's form. */
void tlog_judge_claim(struct tlog_judge *judge, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Ends it: true when every claim held. *ret_held says how many did. */
bool tlog_judge_end(struct tlog_judge *judge, unsigned *ret_held);

#endif
