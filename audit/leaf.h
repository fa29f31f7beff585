/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One leaf of the journal (docs/JOURNAL.md), read from its bytes: its type, its time, and where the
 * fields stand that the audit works with. Nothing is copied: a leaf borrows its entry.
 *
 * What is wrong with the bytes alone is the leaf's *flaw*; a leaf with one has no fields. Fields
 * and types that this version does not know are no flaw. Threads: values and pure functions.
 */
#ifndef AUDIT_LEAF_H
#define AUDIT_LEAF_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

#define LEAF_VERSION  1
#define LEAF_SIZE_MAX 8192 /* bytes of an entry */

enum leaf_type {
    LEAF_UNKNOWN, /* of a later version */
    LEAF_ACCOUNT,
    LEAF_BUDGET_SET,
    LEAF_CHALLENGE,
    LEAF_CHECKPOINT_KEY_ROTATED,
    LEAF_DEVICE_REBOUND,
    LEAF_FIRMWARE_KEY_DESTROYED,
    LEAF_FIRMWARE_KEY_ROTATED,
    LEAF_GRANT,
    LEAF_IDENTITY_REFUSED,
    LEAF_IMAGE_ADDED,
    LEAF_IMAGE_ALIAS,
    LEAF_IMAGE_DISABLED,
    LEAF_IMAGE_ENABLED,
    LEAF_INITIALISED,
    LEAF_INSTALL_OUTCOME,
    LEAF_LICENSE_ISSUED,
    LEAF_LICENSE_REISSUED,
    LEAF_OVERRIDE,
    LEAF_PRINCIPAL_ADDED,
    LEAF_PRINCIPAL_DISABLED,
    LEAF_PRINCIPAL_ENABLED,
    LEAF_PRINCIPAL_KEY_ADDED,
    LEAF_PRINCIPAL_KEY_REMOVED,
    LEAF_PRINCIPAL_NARROWED,
    LEAF_PRODUCT_CREATED,
    LEAF_QUOTA_ADDED,
    LEAF_RETIRED,
    LEAF_SCRAP_ALLOWANCE_ADDED,
    LEAF_SESSION_KEYS_EXPORTED,
    LEAF_SESSION_KEYS_IMPORTED,
    LEAF_STANDBY_ADDED,
    LEAF_STANDBY_REMOVED,
    LEAF_START,
    LEAF_STOP,
    LEAF_TYPES
};

/* In the order of their names, which is that of a leaf. */
enum leaf_field {
    FIELD_ALLOWANCE,
    FIELD_ALLOWED,
    FIELD_ANCHOR_ROOT,
    FIELD_ANCHOR_SIZE,
    FIELD_ANCHORS,
    FIELD_ATTEMPT,
    FIELD_ATTEMPTS_MAX,
    FIELD_AUTHORITIES,
    FIELD_BY,
    FIELD_CHARGED,
    FIELD_CLEAN,
    FIELD_DEVICE,
    FIELD_DOCUMENT,
    FIELD_DOCUMENTS,
    FIELD_ENABLED,
    FIELD_FIRMWARE_KEY,
    FIELD_GENERATION,
    FIELD_GOVERNED,
    FIELD_GRANT,
    FIELD_HEAD_ROOT,
    FIELD_HEAD_SIZE,
    FIELD_HSM,
    FIELD_IMAGE,
    FIELD_IMAGES,
    FIELD_INSTALL,
    FIELD_KEY,
    FIELD_KIND,
    FIELD_LICENSE,
    FIELD_LINE,
    FIELD_LINES,
    FIELD_LOT,
    FIELD_NEW,
    FIELD_NEW_KEY,
    FIELD_NO_BACKUP_BEFORE,
    FIELD_NONCE,
    FIELD_OLD,
    FIELD_OLD_KEY,
    FIELD_OPTIONS,
    FIELD_POLICY,
    FIELD_PRINCIPAL,
    FIELD_PRODUCT,
    FIELD_PRODUCTS,
    FIELD_PROFILE,
    FIELD_QUOTA,
    FIELD_RECEIPT,
    FIELD_RESULT,
    FIELD_ROLE,
    FIELD_SCRAP_DRAWN,
    FIELD_SEQUENCE,
    FIELD_SERIAL,
    FIELD_SESSION_KEY_EXPOSURE,
    FIELD_SIGNATURE,
    FIELD_SIGNERS,
    FIELD_SITE,
    FIELD_SPKI,
    FIELD_STANDBY,
    FIELD_STATION,
    FIELD_SUCCESSOR,
    FIELD_TAKEN,
    FIELD_TIME,
    FIELD_TYPE,
    FIELD_UNIT,
    FIELD_UNITS,
    FIELD_V,
    FIELD_COUNT
};

enum leaf_flaw {
    LEAF_SOUND,
    LEAF_TOO_LONG,
    LEAF_NOT_CANONICAL,
    LEAF_OTHER_VERSION,
    LEAF_FIELD_MISSING, /* flaw_field says which */
    LEAF_FIELD_WRONG,   /* its value has not the form that docs/JOURNAL.md gives it */
};

enum leaf_receipt { LEAF_NO_RECEIPT, LEAF_RECEIPT_HOLDS, LEAF_RECEIPT_WRONG };

/* A set of fields: a bit for each. */
__extension__ typedef unsigned __int128 leaf_fields;

static_assert(FIELD_COUNT <= 128, "a set has one bit for each field");

#define LEAF_FIELD(field) ((leaf_fields)1 << (field))

/* The first field of a set that is not empty. */
enum leaf_field leaf_fields_first(leaf_fields fields);

/* Where a value stands in the entry. */
struct leaf_value {
    uint16_t at;
    uint16_t length;
};

struct leaf {
    int64_t index;
    struct bytes entry; /* borrowed */
    enum leaf_type type;
    enum leaf_flaw flaw;
    enum leaf_field flaw_field;
    enum leaf_receipt receipt; /* a device's, checked with the key that the leaf names */
    int64_t time_unix_ms;
    leaf_fields has; /* a bit for each field that is there */
    struct leaf_value values[FIELD_COUNT];
};

/* Reads the entry of that index. The receipt is not checked: see leaf_check_receipt. */
void leaf_read(struct bytes entry, int64_t index, struct leaf *ret_leaf);

/* Checks the signature of a device's receipt, if the leaf has one: a hundred times leaf_read. */
void leaf_check_receipt(struct leaf *leaf);
/* The digest of the key that the receipt names; false when the leaf has none. */
bool leaf_receipt_key(const struct leaf *leaf, struct sha256 *ret_key) MUST_USE;

const char *leaf_field_name(enum leaf_field field);
const char *leaf_type_name(enum leaf_type type);

static inline bool leaf_has(const struct leaf *leaf, enum leaf_field field)
{
    return (leaf->has & LEAF_FIELD(field)) != 0;
}

/*
 * Values of a leaf without a flaw. The raw text, and for a field that is not there an empty one;
 * numbers, flags, digests and UUIDs that are not there are zero.
 */
struct bytes leaf_text(const struct leaf *leaf, enum leaf_field field);
bool leaf_text_is(const struct leaf *leaf, enum leaf_field field, const char *text);
int64_t leaf_number(const struct leaf *leaf, enum leaf_field field);
bool leaf_flag(const struct leaf *leaf, enum leaf_field field);
/* Of a digest or an image. */
struct sha256 leaf_digest(const struct leaf *leaf, enum leaf_field field);
struct uuid leaf_uuid(const struct leaf *leaf, enum leaf_field field);

#endif
