/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the calls of the ledger speak of: limits, principals, products, images. Part of
 * ledger/ledger.h, which says what holds for all of them.
 */
#ifndef LEDGER_LEDGER_TYPES_H
#define LEDGER_LEDGER_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/histogram.h"
#include "journal/checkpoint.h"
#include "journal/tree.h"

#define LEDGER_NAME_MAX           64 /* product, station, site: see name_is_valid */
#define LEDGER_CONTEXT_MAX        64 /* bytes of each context field */
#define LEDGER_OUTCOME_CODE_MAX   64
#define LEDGER_OUTCOME_DETAIL_MAX 256
#define LEDGER_SERIAL_MAX         64
#define LEDGER_LICENSE_MAX        4096
#define LEDGER_PROFILE_MAX        16
#define LEDGER_WRAPPED_KEY_MAX    40
#define LEDGER_KEY_ID_BYTES       16
#define LEDGER_IV_MAX             16
#define LEDGER_TAG_BYTES          16
#define LEDGER_CONTENT_MAX        15                    /* of the name of a form of content */
#define LEDGER_ANCHORS_MAX        ((size_t)64 * 1024)   /* PEM text of a product's trust anchors */
#define LEDGER_CRLS_MAX           16                    /* revocation lists of a product */
#define LEDGER_CRLS_MAX_BYTES     ((size_t)1024 * 1024) /* PEM text of them */
#define LEDGER_OPTIONS_MAX        1024 /* bytes of a product's settings, a JSON text */
#define LEDGER_QUOTA_MAX          INT64_C(1000000000000)
#define LEDGER_QUEUE_MAX          4096 /* changes that may wait; one more is ERR_BUSY */
#define LEDGER_QUEUE_BYTES        ((size_t)32 * 1024 * 1024) /* of them; likewise */
#define LEDGER_GROUP_MAX          128                        /* changes in one transaction */
#define LEDGER_COMMIT_TIMEOUT_MS  10000
#define LEDGER_POINT_MAX          133 /* a device's public point */
#define LEDGER_RECEIPT_MAX        144 /* a device's signature, DER */
#define LEDGER_SPKI_MAX           256 /* a device's SubjectPublicKeyInfo, DER */
#define LEDGER_ATTEMPTS_MAX       1000000
#define LEDGER_DOCUMENT_MAX       ((size_t)112 * 1024) /* a signed document */
#define LEDGER_SIGNERS_MAX        16
#define LEDGER_CHALLENGE_MIN      8
#define LEDGER_CHALLENGE_MAX      64
#define LEDGER_LEAF_MAX           8192
#define LEDGER_PRINCIPAL_KEYS_MAX 4
#define LEDGER_SCOPE_NAMES_MAX    32     /* products, or lines, that a principal is narrowed to */
#define LEDGER_SCOPE_MAX          2080   /* bytes: so many names with their newlines */
#define LEDGER_BATCH_MAX          256    /* licenses issued together */
#define LEDGER_PAGE_MAX           256    /* rows of one page of a listing */
#define LEDGER_SCAN_MAX           20000  /* rows read for one page */
#define LEDGER_SUM_MAX            500000 /* installs summed for one listing of usage */
#define LEDGER_PERIOD_MAX_MINUTES 10080  /* a week */
#define LEDGER_ROTATION_MAX       100000 /* images of a product whose key is rotated */
#define LEDGER_CLOCK_TOLERANCE_MS 60000  /* a clock may step back by this much */
#define LEDGER_DISK_NEARLY_FULL   "disk-nearly-full" /* the reason when the reserve is reached */
#define LEDGER_AWAITS_ANCHOR      "awaits-anchor"    /* the reason of ledger_issue's ERR_BUSY */
#define LEDGER_NO_ANCHOR          INT64_MAX /* for ledger_set_anchored: this token keeps none */

struct ledger;

struct ledger_info {
    bool is_initialised;
    char site[LEDGER_NAME_MAX + 1];
    struct sha256 hsm_identity; /* SHA-256 of the first checkpoint key's SPKI */
    int64_t journal_size;       /* leaves */
};

/* Two different people who made a ceremony together, as they call themselves. */
struct ledger_people {
    char officer[LEDGER_NAME_MAX + 1]; /* the maker's security officer */
    char witness[LEDGER_NAME_MAX + 1];
};

/* Who may ask for what is the caller's to decide. */
enum ledger_role {
    LEDGER_STATION = 1,
    LEDGER_OPERATOR = 2,
    LEDGER_AUDITOR = 3,
    LEDGER_ADMINISTRATOR = 4,
    LEDGER_METRICS = 5,
};
#define LEDGER_ROLE_ANY 0 /* where a role narrows a search */

/*
 * What a principal is narrowed to: texts, each followed by a newline; "" is everything. Products by
 * name (whether they exist or not), lines as requests name them.
 */
struct ledger_scope {
    char products[LEDGER_SCOPE_MAX + 1];
    char lines[LEDGER_SCOPE_MAX + 1];
};

struct ledger_principal {
    int64_t id;
    enum ledger_role role;
    char name[LEDGER_NAME_MAX + 1];
    bool is_enabled;
    struct ledger_scope scope;
    /* The keys of its TLS client certificates, the oldest first. */
    struct {
        struct sha256 spki;
        int64_t added_unix_ms;
    } keys[LEDGER_PRINCIPAL_KEYS_MAX];
    size_t key_count;
    struct sha256 key; /* of them, the one that it was found by: ledger_principal_get alone */
};

/* What a product charges for; the names in the API are "per-device" and "per-license". */
enum ledger_policy { LEDGER_PER_DEVICE = 1, LEDGER_PER_LICENSE = 2 };

/* What a product's revocation lists are together. */
struct ledger_crls {
    int64_t lists;           /* 0: there are none */
    int64_t issued_unix_ms;  /* the oldest one's thisUpdate */
    int64_t expires_unix_ms; /* the first nextUpdate; 0: none says one */
};

struct ledger_product {
    int64_t id;
    int64_t anchors_version; /* changes whenever anchors or revocation lists do; never reused */
    char name[LEDGER_NAME_MAX + 1];
    char profile[LEDGER_PROFILE_MAX];
    enum ledger_policy policy;
    uint8_t firmware_key[LEDGER_KEY_ID_BYTES]; /* CKA_ID */
    int64_t generation;                        /* of the firmware key; 1 is the first */
    int64_t quota;                             /* granted: accepted - revoked + scrap_drawn */
    int64_t used;
    int64_t accepted;
    int64_t revoked;
    int64_t scrap_allowance;
    int64_t scrap_drawn;
    int64_t attempts_max; /* license requests per device, 0: as many as it takes */
    bool is_governed;
    int64_t sequence;          /* governed: of the newest numbered document */
    struct sha256 authorities; /* governed: digest of the present authority set, else zeroes */
    bool is_enabled;
    bool allows_key_exposure; /* session keys may pass through the HSM worker's memory */
    struct ledger_crls crls;
    char options[LEDGER_OPTIONS_MAX + 1]; /* the profile's settings; "" when it has none */
};

struct ledger_product_new {
    const char *name;
    const char *profile;
    enum ledger_policy policy;
    uint8_t firmware_key[LEDGER_KEY_ID_BYTES];
    int64_t quota;        /* 0 to LEDGER_QUOTA_MAX */
    struct bytes anchors; /* PEM */
    bool allows_key_exposure;
    const char
        *options; /* UTF-8, at most LEDGER_OPTIONS_MAX bytes; the journal shows it; NULL: "" */
    int64_t attempts_max; /* 0 to LEDGER_ATTEMPTS_MAX */
};

struct ledger_image {
    int64_t id;
    struct sha256 digest;                        /* of the encrypted content */
    int64_t size;                                /* bytes of the encrypted content */
    char label[LEDGER_NAME_MAX + 1];             /* the maker's version text; "" when none */
    uint8_t session_key[LEDGER_WRAPPED_KEY_MAX]; /* wrapped by the firmware key of generation */
    size_t session_key_length;
    int64_t generation;
    uint8_t iv[LEDGER_IV_MAX];
    size_t iv_length;
    uint8_t tag[LEDGER_TAG_BYTES];
    size_t tag_length;                    /* 0 or LEDGER_TAG_BYTES */
    char content[LEDGER_CONTENT_MAX + 1]; /* form of content; "" is the profile's default */
    int64_t created_unix_ms;
    bool is_enabled;
    char alias[LEDGER_NAME_MAX + 1]; /* the name stations may ask by; "" when it has none */
};

/* What an alias stands for. */
struct ledger_alias {
    char product[LEDGER_NAME_MAX + 1];
    struct sha256 digest;
};

/* An image that is given a name, or with alias "" loses it. */
struct ledger_naming {
    const char *product;
    struct sha256 digest;
    const char *alias;
};

/* What came of it. */
struct ledger_named {
    bool is_moved; /* another image had the name until now: moved_from */
    struct sha256 moved_from;
    char was_called[LEDGER_NAME_MAX + 1]; /* the other name that this image had; "" when none */
    bool is_enabled;                      /* stations get nothing of a disabled image */
};

/* Where on the line a request came from; free text of the station, recorded as it is. */
struct ledger_context {
    char lot[LEDGER_CONTEXT_MAX + 1];
    char line[LEDGER_CONTEXT_MAX + 1];
    char work_order[LEDGER_CONTEXT_MAX + 1];
    char operator_name[LEDGER_CONTEXT_MAX + 1];
    char socket[LEDGER_CONTEXT_MAX + 1];
};

#endif
