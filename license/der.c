/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Each function puts its bytes in front of those that are there. Owns no state. */
#include "license/der.h"

#include <string.h>

#define LENGTH_SHORT_MAX 127 /* in one byte */
#define LENGTH_LONG      0x80

struct der der_begin(void *buffer, size_t size)
{
    uint8_t *start = buffer;
    return (struct der){.start = start, .at = start + size, .end = start + size};
}

bool der_fits(const struct der *der)
{
    return !der->is_full;
}

struct bytes der_bytes(const struct der *der)
{
    return bytes_of(der->at, (size_t)(der->end - der->at));
}

void der_raw(struct der *der, struct bytes value)
{
    if (value.length > (size_t)(der->at - der->start)) {
        der->is_full = true;
        return;
    }
    der->at -= value.length;
    if (value.length > 0)
        memcpy(der->at, value.data, value.length);
}

static void put(struct der *der, size_t byte)
{
    const uint8_t one = (uint8_t)byte;
    der_raw(der, bytes_of(&one, sizeof one));
}

/* The low byte is behind the high one, so it is written first (X.690 §8.1.3.5). */
static void put_length(struct der *der, size_t length)
{
    size_t bytes = 0;
    if (length <= LENGTH_SHORT_MAX) {
        put(der, length);
        return;
    }
    for (size_t rest = length; rest > 0; rest >>= 8, bytes++)
        put(der, rest & 0xff);
    put(der, LENGTH_LONG | bytes);
}

void der_enclose(struct der *der, uint8_t tag, const uint8_t *end)
{
    put_length(der, (size_t)(end - der->at));
    put(der, tag);
}

void der_value(struct der *der, uint8_t tag, struct bytes content)
{
    const uint8_t *end = der->at;
    der_raw(der, content);
    der_enclose(der, tag, end);
}

void der_integer(struct der *der, uint8_t value)
{
    der_value(der, DER_INTEGER, bytes_of(&value, sizeof value));
}
