/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What audit_verify has to say: findings, what was compared with what, and the account of each
 * product as the leaves give it. Texts are ASCII; those that come from leaves are as they stand
 * there (docs/JOURNAL.md, "Encoding"). Threads: a value, immutable after it was made.
 */
#ifndef AUDIT_REPORT_H
#define AUDIT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "journal/checkpoint.h"
#include "journal/export.h"
#include "journal/key_chain.h"

#define AUDIT_WORD_SIZE    40  /* with NUL */
#define AUDIT_TEXT_SIZE    400 /* with NUL */
#define AUDIT_NAME_SIZE    65
#define AUDIT_BY_SIZE      65
#define AUDIT_FINDINGS_MAX 20   /* of each kind that are told in full */
#define AUDIT_EVENTS_MAX   1000 /* starts and overrides that are told in full */

/* Something that does not hold. */
struct audit_finding {
    char word[AUDIT_WORD_SIZE]; /* stable, lower-case-with-dashes */
    char text[AUDIT_TEXT_SIZE]; /* whole sentences */
    int64_t leaf;               /* -1: not about one leaf */
};

struct audit_finding_kind {
    char word[AUDIT_WORD_SIZE];
    int64_t count; /* also of those that are not told in full */
};

/* Whether something that the auditor may give was given, and held. */
enum audit_answer { AUDIT_NOT_ASKED, AUDIT_HOLDS, AUDIT_FAILS };

struct audit_product {
    struct export_account account; /* as the leaves give it */
    bool is_governed;
    bool is_per_license;
    int64_t reissued;
    int64_t refused;                 /* identity-refused leaves */
    int64_t documents;               /* signed documents that counted */
    struct sha256 first_authorities; /* of a governed product */
};

/* A start that did not follow a stop, or an override. */
struct audit_event {
    int64_t leaf;
    int64_t time_unix_ms;
    int64_t anchor_size; /* of an override */
    int64_t head_size;
    char by[AUDIT_BY_SIZE];
};

struct audit_events {
    struct audit_event *items; /* the first AUDIT_EVENTS_MAX */
    size_t count;
    int64_t total;
};

struct audit_report {
    /* what was read */
    bool has_checkpoint; /* its text could be read */
    struct checkpoint checkpoint;
    bool is_signed;     /* the checkpoint, by the key */
    bool has_identity;  /* site and HSM: the journal has its `initialised` leaf */
    bool is_retired;    /* the journal has ended, with retired_leaf */
    bool has_successor; /* which names the HSM that follows */
    char site[AUDIT_NAME_SIZE];
    struct sha256 hsm;
    struct key_chain keys; /* the checkpoint keys; count 0 without an identity */
    int64_t key_given;     /* which of them the auditor gave, from 1; 0: none of them */
    int64_t retired_leaf;
    struct sha256 successor;
    int64_t leaves;
    int64_t documents;
    int64_t first_unix_ms; /* 0 when there is no leaf */
    int64_t last_unix_ms;
    int64_t made_unix_ms;   /* the export, as it says itself */
    int64_t unknown_leaves; /* of types that this version does not know */

    /* what does not hold */
    struct audit_finding *findings;
    size_t finding_count;
    int64_t finding_total;
    struct audit_finding_kind *kinds;
    size_t kind_count;

    /* what the auditor gave */
    enum audit_answer since;
    int64_t since_size;
    enum audit_answer receipts;
    size_t receipt_count;
    enum audit_answer challenge;
    int64_t challenge_leaf; /* when it holds */
    enum audit_answer authorities;

    /* what happened */
    int64_t starts;
    struct audit_events unclean_starts;
    struct audit_events overrides;
    struct audit_product *products;
    size_t product_count;
};

/* Frees what the report owns and zeroes it. */
void audit_report_clear(struct audit_report *report);

#endif
