/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Metering: licenses, outcomes, refusals, and the account of a product. Part of ledger/ledger.h,
 * which says what holds for all of them.
 */
#ifndef LEDGER_LEDGER_METER_H
#define LEDGER_LEDGER_METER_H

#include "ledger/ledger_types.h"

struct ledger_device {
    struct sha256 spki;
    char serial[LEDGER_SERIAL_MAX + 1]; /* "" when the device has none */
    uint8_t point[LEDGER_POINT_MAX];    /* its public point, kept to check its receipts */
    size_t point_length;                /* 0: not known */
    bool can_sign;                      /* its certificate allows signing */
};

enum ledger_standing {
    LEDGER_LICENSED = 1,  /* this device has a license for this image: ledger_issue without bytes */
    LEDGER_MAY_ISSUE = 2, /* a license may be made now */
};

/*
 * One snapshot for steps 3 and 4 of the recipe: may this device have a license for this image?
 * ERR_DEVICE_IDENTITY_CONFLICT ("serial-has-other-key", "key-has-other-serial",
 * "key-was-replaced"), ERR_DEVICE_SCRAPPED, ERR_ATTEMPTS_SPENT, ERR_QUOTA_SPENT (a unit is needed
 * and none is left), ERR_BUDGET_SPENT (of the station or of the product's period).
 */
enum error ledger_standing(struct ledger *ledger, int64_t product_id, int64_t image_id,
                           int64_t principal_id, const struct ledger_device *device,
                           enum ledger_standing *ret_standing, struct fault *fault) MUST_USE;

struct ledger_issue {
    int64_t product_id;
    int64_t image_id;
    int64_t principal_id;
    struct sha256 asked_with; /* a key that the principal must still have; zero: none */
    struct ledger_device device;
    struct bytes license; /* borrowed; empty when the stored license is asked for */
    struct ledger_context context;
    deadline_ms deadline; /* of whoever asked: nothing is issued later; 0: none */
};

struct ledger_issued {
    struct uuid install; /* also the license's id: one license per install */
    uint8_t license[LEDGER_LICENSE_MAX];
    size_t license_length;
    bool is_repeat;  /* the stored license; the given bytes, if any, were discarded */
    bool is_charged; /* this call took a unit */
    int64_t attempt; /* 1 for the first */
    int64_t remaining;
    int64_t journal_index;
};

/*
 * Step 6: charge, install, license and journal leaf in one transaction; or, when the device has a
 * license for this image, one more attempt of it. Refusals as ledger_standing, decided again here;
 * also what was disabled or narrowed since: ERR_PRODUCT_UNKNOWN, ERR_IMAGE_UNKNOWN, ERR_FORBIDDEN
 * ("principal-unknown", "principal-disabled", "role-not-allowed": no station,
 * "product-not-allowed", "line-not-allowed", "line-missing").
 * ERR_BUSY ("awaits-anchor"): a first license must wait until ledger_set_anchored moves on;
 * ("late"): the deadline passed before it was this one's turn. ERR_CLOCK_SET_BACK: it is earlier
 * than the newest leaf by more than LEDGER_CLOCK_TOLERANCE_MS.
 */
enum error ledger_issue(struct ledger *ledger, const struct ledger_issue *issue,
                        struct ledger_issued *ret_issued, struct fault *fault) MUST_USE;

/* What came of one license of a batch. */
struct ledger_batch_item {
    const struct ledger_issue *issue; /* NULL: skipped, as an item that failed before */
    enum error code;                  /* the item's own; the three are set for each issue */
    struct fault fault;
    struct ledger_issued issued;
};

/*
 * As ledger_issue, for 1 to LEDGER_BATCH_MAX licenses in this order, in one transaction: each item
 * has its own savepoint, code and answer, as if they had come one after the other. The returned
 * code is that of the whole: not ERR_OK when nothing of it happened. An item may be ERR_BUSY
 * ("awaits-anchor") alone: give those again.
 */
enum error ledger_issue_batch(struct ledger *ledger, struct ledger_batch_item *items, size_t count,
                              struct fault *fault) MUST_USE;

enum ledger_result { LEDGER_SUCCEEDED = 1, LEDGER_FAILED = 2, LEDGER_SCRAPPED = 3 };

struct ledger_outcome {
    struct uuid install;
    int64_t principal_id;
    struct sha256 asked_with; /* as of an issue */
    enum ledger_result result;
    char code[LEDGER_OUTCOME_CODE_MAX + 1];
    char detail[LEDGER_OUTCOME_DETAIL_MAX + 1];
    /* A device's signature over the install's id, verified by the caller; succeeded only. */
    uint8_t receipt[LEDGER_RECEIPT_MAX];
    size_t receipt_length;        /* 0: none */
    uint8_t key[LEDGER_SPKI_MAX]; /* with a receipt: the device's SubjectPublicKeyInfo */
    size_t key_length;
};

struct ledger_recorded {
    bool is_proven;      /* the install stands as succeeded with a receipt */
    int64_t attempt;     /* how often its license was asked for until now */
    bool is_scrapped;    /* the device */
    bool is_scrap_drawn; /* for this device a unit of the scrap allowance was drawn */
};

/*
 * Records what became of an install. The same outcome again changes nothing; another one replaces
 * it (a retry may succeed); a receipt may come later and stays until another result replaces it.
 * Scrapped is final for the device: anything but scrapped again is ERR_DEVICE_SCRAPPED; it draws
 * one unit of the product's scrap allowance in the same transaction, at most one per device, and is
 * recorded also when none is left. ERR_INSTALL_UNKNOWN, ERR_FORBIDDEN as ledger_issue but for the
 * line. ret_recorded may be NULL.
 */
enum error ledger_outcome_record(struct ledger *ledger, const struct ledger_outcome *outcome,
                                 struct ledger_recorded *ret_recorded,
                                 struct fault *fault) MUST_USE;

/* The device of an install, for the check of its receipt. ERR_INSTALL_UNKNOWN. */
enum error ledger_install_device(struct ledger *ledger, const struct uuid *install,
                                 struct ledger_device *ret_device, struct fault *fault) MUST_USE;

/*
 * The account of a product: granted = remaining + charged, and
 * charged = succeeded + failed + scrapped + unreported, where an outcome counts once per charged
 * unit: that of the unit's newest install; scrapped, once any install of the unit was reported so
 * (docs/JOURNAL.md, "What holds between leaves and rows").
 */
struct ledger_usage {
    int64_t accepted;
    int64_t revoked;
    int64_t scrap_allowance;
    int64_t scrap_drawn;
    int64_t granted; /* accepted - revoked + scrap_drawn */
    int64_t charged;
    int64_t remaining;
    int64_t licensed; /* installs: devices times images */
    int64_t succeeded;
    int64_t failed;
    int64_t scrapped;
    int64_t unreported;
    int64_t proven; /* of those that succeeded: with a device's receipt */
    /* Unreported units by the age of their newest install: under an hour, a day, a week, older. */
    int64_t unreported_age[4];
    bool is_governed;
    enum ledger_policy policy;
};

enum error ledger_usage(struct ledger *ledger, const char *product, struct ledger_usage *ret_usage,
                        struct fault *fault) MUST_USE;

struct ledger_refusal {
    const char *product;
    int64_t principal_id;
    enum error code; /* ERR_DEVICE_NOT_GENUINE, ERR_DEVICE_IDENTITY_CONFLICT, ERR_DEVICE_SCRAPPED */
    const char *reason; /* the fault's reason word */
    /* Whose flood is to be bounded: the device when it proved its origin, else NULL (the station).
     */
    const struct ledger_device *device;
};

/*
 * Notes a refused identity in the journal: at most one leaf per identity (or, without a proven one,
 * per station), code and hour. Never makes the caller wait: the leaf joins a later group commit,
 * and is dropped when a quarter of LEDGER_QUEUE_MAX waits already: charges go first.
 */
void ledger_refusal_note(struct ledger *ledger, const struct ledger_refusal *refusal);

#endif
