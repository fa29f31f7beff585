/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The answers of provisiond, read strictly into fixed structs.
 *
 * Members that this version does not know are allowed (a newer server), a known one that is
 * missing, of another type or outside its limits makes the answer invalid: ERR_INTERNAL. Nothing is
 * written to a file before its answer was read whole. Threads: pure functions.
 */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/failure.h"
#include "core/bytes.h"

#define ANSWER_LICENSE_MAX_BYTES 4096
#define ANSWER_ID_MAX            64 /* bytes of an install or license id */
#define ANSWER_LICENSE_PREFIX    "lic-"
#define ANSWER_INSTALL_PREFIX    "ins-"
#define ANSWER_SIGNERS_MAX       16
#define ANSWER_WORD_MAX          39 /* bytes of a word such as per-device or none */

enum answer_age { AGE_HOUR, AGE_DAY, AGE_WEEK, AGE_OLDER, AGE_COUNT };

struct answer_license {
    char license_id[ANSWER_ID_MAX + 1];
    char install_id[ANSWER_ID_MAX + 1];
    uint8_t license[ANSWER_LICENSE_MAX_BYTES];
    size_t license_length; /* at least 1 */
    struct sha256 image;
    bool is_charged;
    int64_t attempt;
    int64_t remaining;
    int64_t journal_index;
};

struct answer_usage {
    int64_t granted;
    int64_t charged;
    int64_t remaining;
    int64_t licensed;
    int64_t succeeded;
    int64_t failed;
    int64_t scrapped;
    int64_t unreported;
    int64_t accepted; /* units of all grants */
    int64_t revoked;
    int64_t scrap_allowance;
    int64_t scrap_drawn;
    int64_t proven;         /* of those that succeeded */
    int64_t age[AGE_COUNT]; /* of those unreported: under an hour, a day, a week, older */
    bool is_governed;
    char policy[ANSWER_WORD_MAX + 1];
    char anchor[ANSWER_WORD_MAX + 1]; /* "ok", "none", or what is wrong */
};

/* What is left out by a server is not there: has_ says so. */
struct answer_outcome {
    bool has_proven;
    bool is_proven;
    bool has_scrap_drawn;
    bool is_scrap_drawn;
};

struct answer_receipt {
    char license_id[ANSWER_ID_MAX + 1];
    int64_t index;
    int64_t tree_size; /* larger than index */
};

struct answer_grant {
    char kind[ANSWER_WORD_MAX + 1];
    char id[ANSWER_ID_MAX + 1];
    char product[ANSWER_ID_MAX + 1];
    int64_t units;
    int64_t taken;
    int64_t granted;
    int64_t remaining;
    int64_t sequence;
    int64_t journal_index;
    struct sha256 signers[ANSWER_SIGNERS_MAX];
    size_t signer_count;
};

enum error answer_read_license(struct bytes body, struct answer_license *ret_license,
                               struct failure *failure) MUST_USE;
enum error answer_read_usage(struct bytes body, struct answer_usage *ret_usage,
                             struct failure *failure) MUST_USE;
enum error answer_read_outcome(struct bytes body, struct answer_outcome *ret_outcome,
                               struct failure *failure) MUST_USE;
/* Reads that every part of a receipt is there; whether it proves anything is for the auditor. */
enum error answer_read_receipt(struct bytes body, struct answer_receipt *ret_receipt,
                               struct failure *failure) MUST_USE;

/* What became of a signed document. */
enum error answer_read_grant(struct bytes body, struct answer_grant *ret_grant,
                             struct failure *failure) MUST_USE;

/*
 * The id of a license or its install, which differ in their prefixes: id begins with prefix then. A
 * usage failure for what is no id.
 */
enum error answer_read_pair_id(const char *text, const char *prefix, char id[ANSWER_ID_MAX + 1],
                               struct failure *failure) MUST_USE;

/* "sha256:" and 64 hex digits, or the digits alone. */
bool answer_parse_digest(const char *text, struct sha256 *ret_digest);

#endif
