/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One maker and one verification of what he wrote, and claims about it. Threads: one per test.
 */
#ifndef TESTS_UNIT_AUDIT_JUDGE_H
#define TESTS_UNIT_AUDIT_JUDGE_H

#include "audit/verify.h"
#include "maker.h"

struct judge {
    struct temp_dir dir;
    struct maker maker;
    char path[TEMP_PATH_MAX];
    struct audit_request request; /* path and key are set; a test adds what it holds */
    struct audit_report report;
    struct fault fault;
    enum error error;
};

void judge_init(struct judge *judge);
void judge_clear(struct judge *judge);

/* Writes what the maker has, and verifies it. The maker seals before, or keeps his old seal. */
void judge_run(struct judge *judge);
/* Seals, and so. */
void judge_seal_and_run(struct judge *judge);

/* So, twice: the rows' accounts are then those of the leaves, for tests that claim nothing of them.
 */
void judge_settle_and_run(struct judge *judge);

/* The finding with that word, or NULL. */
const struct audit_finding *judge_find(const struct judge *judge, const char *word);
/* How many findings of that word there are. */
int64_t judge_count(const struct judge *judge, const char *word);
/* All that was found, for messages. */
const char *judge_text(const struct judge *judge);

#define ck_assert_holds(judge)                                                             \
    do {                                                                                   \
        ck_assert_msg((judge)->error == ERR_OK, "%s: %s", (judge)->fault.reason,           \
                      (judge)->fault.detail);                                              \
        ck_assert_msg((judge)->report.finding_total == 0, "found: %s", judge_text(judge)); \
    } while (0)
#define ck_assert_found(judge, word)                                                      \
    do {                                                                                  \
        ck_assert_msg((judge)->error == ERR_OK, "%s: %s", (judge)->fault.reason,          \
                      (judge)->fault.detail);                                             \
        ck_assert_msg(judge_find((judge), (word)) != NULL, "%s is not among: %s", (word), \
                      judge_text(judge));                                                 \
    } while (0)
/* That and nothing else. */
#define ck_assert_found_only(judge, word)                                          \
    do {                                                                           \
        ck_assert_found(judge, word);                                              \
        ck_assert_msg((judge)->report.kind_count == 1, "more than %s: %s", (word), \
                      judge_text(judge));                                          \
    } while (0)

#endif
