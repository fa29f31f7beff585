/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the maker signs: a small JSON document, docs/grants.md, that changes a governed product.
 *
 * A document is bound to one product, one site and one HSM and counts once. Reading is strict:
 * unknown members, members of another kind, a member twice or out of its limits refuse the whole.
 * Threads: values and pure functions.
 */
#ifndef GRANT_GRANT_H
#define GRANT_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"
#include "grant/authority.h"

#define GRANT_TYPE          "provisiond-grant/1"
#define GRANT_NAME_MAX      64
#define GRANT_LOT_MAX       64
#define GRANT_PROFILE_MAX   15
#define GRANT_SERIAL_MAX    64
#define GRANT_OPTIONS_MAX   1024
#define GRANT_ANCHORS_MAX   ((size_t)48 * 1024) /* PEM */
#define GRANT_UNITS_MAX     INT64_C(1000000000000)
#define GRANT_ATTEMPTS_MAX  1000000
#define GRANT_JSON_MAX      ((size_t)88 * 1024) /* bytes of the document in clear */
#define GRANT_TREE_SIZE_MAX (INT64_C(1) << 40)
#define GRANT_SEQUENCE_MAX  INT64_C(2147483647)

enum grant_kind {
    GRANT_INSTALL = 1,  /* adds units */
    GRANT_SCRAP = 2,    /* adds to the scrap allowance */
    GRANT_REVOKE = 3,   /* takes min(units, remaining) away */
    GRANT_POLICY = 4,   /* sets everything about the product; the first one makes it */
    GRANT_OVERRIDE = 5, /* goes on with a ledger that does not extend the HSM's anchor */
    GRANT_REBIND = 6,   /* a device's serial now belongs to another key */
    GRANT_STANDBY = 7,  /* session keys may be wrapped for another HSM, or may no more */
};

enum grant_policy { GRANT_PER_DEVICE = 1, GRANT_PER_LICENSE = 2 };

/* All that is set by GRANT_POLICY. */
struct grant_settings {
    char profile[GRANT_PROFILE_MAX + 1];
    enum grant_policy policy;
    char *anchors; /* PEM; owned by the grant */
    bool allows_key_exposure;
    char options[GRANT_OPTIONS_MAX + 1]; /* the profile's settings: compact JSON with sorted keys;
                                            "" when it has none */
    int64_t attempts_max;                /* per device, 0: as many as it takes */
    struct authority_set *authorities;   /* who may sign from the next document on; owned */
};

struct grant_head {
    int64_t size;
    struct sha256 root;
};

struct grant {
    enum grant_kind kind;
    struct uuid id;
    char product[GRANT_NAME_MAX + 1];
    char site[GRANT_NAME_MAX + 1];
    struct sha256 hsm; /* identity */
    int64_t issued_unix_ms;
    int64_t not_before_unix_ms;  /* 0: none */
    int64_t not_after_unix_ms;   /* 0: none; bounds the acceptance, not the use */
    char lot[GRANT_LOT_MAX + 1]; /* a label; install, scrap and revoke only */
    int64_t units;               /* install, scrap, revoke: 1 to GRANT_UNITS_MAX */
    int64_t sequence; /* policy, rebind, standby: 1 for the first, then one more each time */
    struct grant_settings settings;    /* policy */
    struct grant_head anchor;          /* override: what the HSM holds */
    struct grant_head head;            /* override: what the ledger was found with */
    char serial[GRANT_SERIAL_MAX + 1]; /* rebind */
    struct sha256 old_key;             /* rebind: SHA-256 of the SubjectPublicKeyInfo */
    struct sha256 new_key;
    struct sha256 standby;       /* standby: the other HSM's identity */
    struct sha256 transport_key; /* standby: SHA-256 of its SubjectPublicKeyInfo */
    bool is_allowed;             /* standby: false takes an earlier one back */
};

/*
 * Reads a document. ERR_BAD_REQUEST ("grant-malformed": fault.detail names the member that is
 * wrong), ERR_TOO_LARGE. Clear *ret_grant with grant_clear, also after a failure.
 */
enum error grant_read(struct bytes json, struct grant *ret_grant, struct fault *fault) MUST_USE;
/* The document as `provctl grant new` writes it: indented, one newline at the end. The caller frees
 * *ret_text. ERR_BAD_REQUEST as grant_read, which the text would pass. */
enum error grant_write(const struct grant *grant, char **ret_text, struct fault *fault) MUST_USE;
/* Frees what the grant owns and zeroes it. */
void grant_clear(struct grant *grant);

/* "install", "scrap", ... */
const char *grant_kind_name(enum grant_kind kind);
/* False for a word that is no kind. */
bool grant_kind_parse(const char *name, enum grant_kind *ret_kind);
/* "per-device", "per-license". */
const char *grant_policy_name(enum grant_policy policy);
bool grant_policy_parse(const char *name, enum grant_policy *ret_policy);

#endif
