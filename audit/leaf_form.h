/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The forms of a leaf's values (docs/JOURNAL.md, "Forms of values"). Private to audit/.
 * Threads: pure functions.
 */
#ifndef AUDIT_LEAF_FORM_H
#define AUDIT_LEAF_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/canonical.h"
#include "core/bytes.h"

enum leaf_form {
    LEAF_FORM_TEXT,
    LEAF_FORM_NAME, /* name_is_valid, at most LEAF_NAME_MAX bytes */
    LEAF_FORM_DIGEST,
    LEAF_FORM_KEY_ID, /* of a key in the HSM: 32 hex digits */
    LEAF_FORM_IMAGE,
    LEAF_FORM_UUID,
    LEAF_FORM_TIME,
    LEAF_FORM_POLICY,
    LEAF_FORM_RESULT,
    LEAF_FORM_ROLE,
    LEAF_FORM_LIST, /* names, each with its newline */
    LEAF_FORM_NUMBER,
    LEAF_FORM_COUNT, /* a number of 0 to LEAF_COUNT_MAX */
    LEAF_FORM_FLAG,
};

#define LEAF_NAME_MAX  64
#define LEAF_COUNT_MAX (INT64_C(1) << 50) /* so that sums of a thousand of them fit */

bool leaf_form_fits(enum leaf_form form, enum canonical_kind kind, struct bytes value) MUST_USE;

/* A time as timestamp_format writes it: LEAF_FORM_TIME looks at its length alone. */
bool leaf_form_time(struct bytes value, int64_t *ret_unix_ms) MUST_USE;

/* Takes the first name of a raw list, and it from the list; false at the end, or when the newline
 * is missing. */
bool leaf_form_next(struct bytes *list, struct bytes *ret_name);

/* Values that fit their form. */
void leaf_form_digest(struct bytes value, struct sha256 *ret_digest); /* also of an image */
void leaf_form_uuid(struct bytes value, struct uuid *ret_id);

#endif
