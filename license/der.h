/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * DER (X.690 §10), written from its end to its beginning: a length is known when it is written.
 * Private to license/. Threads: one writer is one thread's.
 *
 *     struct der der = der_begin(buffer, sizeof buffer);
 *     const uint8_t *end = der.at;        what is written from here on ...
 *     der_value(&der, DER_OCTET_STRING, value);
 *     der_integer(&der, 3);
 *     der_enclose(&der, DER_SEQUENCE, end);   ... is now in a SEQUENCE
 *
 * What does not fit is left out and remembered: ask der_fits once, at the end.
 */
#ifndef LICENSE_DER_H
#define LICENSE_DER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"

#define DER_INTEGER      0x02
#define DER_BIT_STRING   0x03
#define DER_OCTET_STRING 0x04
#define DER_SEQUENCE     0x30
#define DER_SET          0x31
#define DER_CONTEXT(n)   (0xa0 + (n)) /* [n], constructed; n is at most 30 */

struct der {
    uint8_t *start;
    uint8_t *at;  /* what was written last */
    uint8_t *end; /* behind what was written first */
    bool is_full;
};

/* Writes into size bytes at buffer, which stay the caller's. */
struct der der_begin(void *buffer, size_t size);
bool der_fits(const struct der *der);
/* What was written; in the buffer. */
struct bytes der_bytes(const struct der *der);

/* Bytes that are DER already. */
void der_raw(struct der *der, struct bytes value);
/* Puts all that was written since `at` was end into a value of that tag: at most 65,535 bytes. */
void der_enclose(struct der *der, uint8_t tag, const uint8_t *end);
/* One value of that tag with this content. */
void der_value(struct der *der, uint8_t tag, struct bytes content);
/* 0 to 127. */
void der_integer(struct der *der, uint8_t value);

#endif
