/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed documents (docs/grants.md): read and checked by the caller, counted here. Part of
 * ledger/ledger.h, which says what holds for all of them.
 */
#ifndef LEDGER_LEDGER_DOCUMENT_H
#define LEDGER_LEDGER_DOCUMENT_H

#include "ledger/ledger_administer.h"

enum ledger_grant_kind {
    LEDGER_GRANT_INSTALL = 1,
    LEDGER_GRANT_SCRAP = 2,
    LEDGER_GRANT_REVOKE = 3,
    LEDGER_GRANT_POLICY = 4,
    LEDGER_GRANT_OVERRIDE = 5,
    LEDGER_GRANT_REBIND = 6,
    LEDGER_GRANT_STANDBY = 7,
};

struct ledger_head {
    int64_t size; /* leaves */
    struct sha256 root;
};

/* What the HSM remembers and what the ledger was found with. */
struct ledger_heads {
    struct ledger_head anchor;
    struct ledger_head found;
};

/* Another HSM that session keys may be wrapped for, and whether they may. */
struct ledger_standby_key {
    struct sha256 hsm;           /* its identity */
    struct sha256 transport_key; /* SHA-256 of the SubjectPublicKeyInfo */
    bool is_allowed;
};

/* What a policy sets. */
struct ledger_settings {
    const char *profile;
    enum ledger_policy policy;
    struct bytes anchors; /* PEM */
    bool allows_key_exposure;
    const char *options;
    int64_t attempts_max;
    struct sha256 authorities;                 /* digest of the set from now on */
    uint8_t firmware_key[LEDGER_KEY_ID_BYTES]; /* of the product that number 1 makes */
};

/* All views are borrowed for the call. Site, HSM and signatures were checked by the caller. */
struct ledger_grant {
    enum ledger_grant_kind kind;
    struct uuid id;
    const char *product;
    int64_t issued_unix_ms;
    int64_t not_before_unix_ms; /* 0: none */
    int64_t not_after_unix_ms;  /* 0: none */
    int64_t units;
    const char *lot; /* "" when none */
    int64_t sequence;
    const struct ledger_settings *settings;
    struct ledger_rebinding rebinding;
    struct ledger_heads heads;
    struct ledger_standby_key standby;
    struct bytes document;                     /* as it came; kept for ever */
    struct sha256 signers[LEDGER_SIGNERS_MAX]; /* sorted */
    size_t signer_count;
};

struct ledger_granted {
    int64_t taken; /* revoke: min(units, remaining) */
    int64_t granted;
    int64_t remaining;
    int64_t sequence;
    int64_t journal_index;
};

/*
 * Counts a document once: change, document and leaf in one transaction. No first license of any
 * product is issued until ledger_set_anchored covers the leaf. Times are judged here. ERR_CONFLICT
 * ("grant-used"), ERR_PRODUCT_UNKNOWN (only a policy of sequence 1 makes a product),
 * ERR_GRANT_REFUSED: "not-yet-valid", "expired", "before-override", "sequence", "product-local",
 * "other-heads", "no-mismatch", "limit", "device-unknown", "key-taken".
 */
enum error ledger_grant_apply(struct ledger *ledger, const struct ledger_grant *grant,
                              const char *by, struct ledger_granted *ret_granted,
                              struct fault *fault) MUST_USE;

/* An accepted document. */
struct ledger_document {
    struct uuid id;
    char product[LEDGER_NAME_MAX + 1];
    enum ledger_grant_kind kind;
    int64_t units;
    int64_t taken;
    char lot[LEDGER_NAME_MAX + 1];
    int64_t sequence;
    int64_t accepted_unix_ms;
    int64_t journal_index;
    struct bytes document; /* borrowed for the call of each */
};

/* The newest first, of one page: before is a journal index (0: from the newest), limit 1 to
 * LEDGER_PAGE_MAX; products a scope's list, product "" any. */
enum error ledger_documents_page(struct ledger *ledger, const char *products, const char *product,
                                 int64_t before, unsigned limit,
                                 bool (*each)(void *context,
                                              const struct ledger_document *document),
                                 void *context, int64_t *ret_next, struct fault *fault) MUST_USE;
/* One of them. ERR_GRANT_UNKNOWN. each is called once. */
enum error ledger_document_get(struct ledger *ledger, const struct uuid *id,
                               bool (*each)(void *context, const struct ledger_document *document),
                               void *context, struct fault *fault) MUST_USE;

/* In order of acceptance; product NULL: of all. each must not wait and not call the ledger. */
enum error ledger_documents_each(struct ledger *ledger, const char *product,
                                 bool (*each)(void *context,
                                              const struct ledger_document *document),
                                 void *context, struct fault *fault) MUST_USE;

#endif
