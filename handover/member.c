/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Members of a line's JSON. Reading is strict by making the line again: whatever is not the one
 * form of what was read (white space, another order, an escape too much, a member twice) is
 * refused.
 */
#include "handover/member.h"

#include <stdlib.h>
#include <string.h>

#include "handover/handover.h"

#define HEX_MAX (2 * HANDOVER_POINT_BYTES + 1)

/* ---- writing ---- */

void member_set_hex(json_t *object, const char *name, struct bytes bytes)
{
    char hex[HEX_MAX];
    hex_encode(bytes, hex);
    (void)json_object_set_new(object, name, json_string(hex));
}

void member_set_digest(json_t *object, const char *name, const struct sha256 *digest)
{
    member_set_hex(object, name, bytes_of(digest->bytes, SHA256_SIZE));
}

char *member_dump(json_t *object, size_t members)
{
    char *text = json_object_size(object) == members
                     ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII)
                     : NULL;
    json_decref(object);
    return text;
}

/* ---- reading ---- */

bool member_get_text(const json_t *object, const char *name, char *out, size_t size)
{
    const json_t *value = json_object_get(object, name);
    size_t length = json_string_length(value);
    if (!json_is_string(value) || length >= size)
        return false;
    memcpy(out, json_string_value(value), length + 1);
    return strlen(out) == length; /* no NUL inside */
}

bool member_get_number(const json_t *object, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(object, name);
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 0;
}

bool member_get_hex(const json_t *object, const char *name, uint8_t *out, size_t max,
                    size_t *ret_length)
{
    const json_t *value = json_object_get(object, name);
    size_t digits = json_string_length(value);
    *ret_length = digits / 2;
    return json_is_string(value) && digits % 2 == 0 && *ret_length <= max &&
           hex_decode(json_string_value(value), out, *ret_length);
}

bool member_get_exact(const json_t *object, const char *name, uint8_t *out, size_t size)
{
    size_t length = 0;
    return member_get_hex(object, name, out, size, &length) && length == size;
}

bool member_is_same(const char *line, char *made)
{
    bool same = made != NULL && strcmp(line, made) == 0;
    free(made);
    return same;
}
