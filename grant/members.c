/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Members of JSON objects through jansson. Owns no state. */
#include "grant/members.h"

#include <string.h>

bool members_refuse(struct members *members, const char *detail)
{
    members->error = fault_set(members->fault, ERR_BAD_REQUEST, "grant-malformed", detail, 0);
    return false;
}

bool members_fail_memory(struct members *members)
{
    members->error = fault_set(members->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return false;
}

const json_t *members_take(struct members *members, const char *name)
{
    const json_t *value = json_object_get(members->object, name);
    if (value != NULL)
        members->taken++;
    return value;
}

bool members_have(const struct members *members, const char *name)
{
    return json_object_get(members->object, name) != NULL;
}

bool members_are_all_taken(const struct members *members)
{
    return members->taken == json_object_size(members->object);
}

const char *members_take_text(struct members *members, const char *name)
{
    const json_t *value = members_take(members, name);
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == json_string_length(value) ? text : NULL;
}

bool members_take_name(struct members *members, const char *name, char *out, size_t max,
                       const char *detail)
{
    const char *text = members_take_text(members, name);
    if (text == NULL || !name_is_valid(text, max))
        return members_refuse(members, detail);
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool is_line(const char *text, size_t max)
{
    size_t length = strnlen(text, max + 1);
    bool is_good = length >= 1 && length <= max;
    for (const char *c = text; *c != '\0' && is_good; c++)
        is_good = (unsigned char)*c >= ' ' && *c != '\x7f';
    return is_good;
}

bool members_take_line(struct members *members, const char *name, char *out, size_t max,
                       const char *detail)
{
    const char *text = members_take_text(members, name);
    if (text == NULL || !is_line(text, max))
        return members_refuse(members, detail);
    memcpy(out, text, strlen(text) + 1);
    return true;
}

bool members_take_digest(struct members *members, const char *name, struct sha256 *out,
                         const char *detail)
{
    const char *text = members_take_text(members, name);
    if (text == NULL || !hex_decode(text, out->bytes, SHA256_SIZE))
        return members_refuse(members, detail);
    return true;
}

bool members_take_number(struct members *members, const char *name, struct members_range range,
                         int64_t *out, const char *detail)
{
    const json_t *value = members_take(members, name);
    int64_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < range.min || number > range.max)
        return members_refuse(members, detail);
    *out = number;
    return true;
}
