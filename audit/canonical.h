/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one form that a leaf is written in (docs/JOURNAL.md, "Encoding"): a reader that takes
 * exactly that form, and keeps nothing.
 *
 * A JSON object without white space, its keys in ascending order, ASCII alone, integers alone.
 * Equal texts are equal bytes in this form, so whoever compares need not decode: a *raw* text is
 * what stands between the quotes. Values may be nested, for fields that a later version may add.
 * Threads: pure functions.
 */
#ifndef AUDIT_CANONICAL_H
#define AUDIT_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

enum canonical_kind {
    CANONICAL_TEXT,   /* value is raw */
    CANONICAL_NUMBER, /* an int64_t */
    CANONICAL_FLAG,   /* true or false */
    CANONICAL_OTHER,  /* null, an array or an object */
};

struct canonical_field {
    struct bytes key;   /* raw */
    struct bytes value; /* raw for a text, else as it stands there */
    enum canonical_kind kind;
};

/*
 * Whether the whole of text is one object of that form. on_field gets its members in their order,
 * also those before a mistake.
 */
bool canonical_read(struct bytes text,
                    void (*on_field)(void *context, const struct canonical_field *field),
                    void *context) MUST_USE;

/* The number of a CANONICAL_NUMBER. */
int64_t canonical_number(struct bytes value);

/* A raw text as UTF-8 with NUL; false when it does not fit, or holds a NUL. */
bool canonical_decode(struct bytes raw, char *out, size_t size) MUST_USE;
/* UTF-8 as raw text with NUL; false when it is not UTF-8 or does not fit. */
bool canonical_encode(const char *text, char *out, size_t size) MUST_USE;

#endif
