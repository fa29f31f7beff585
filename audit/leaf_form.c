/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Values of fixed length without a copy. Owns no state. */
#include "audit/leaf_form.h"

#include <string.h>

#include "core/clock.h"

#define DIGEST_DIGITS ((size_t)2 * SHA256_SIZE)
#define KEY_ID_DIGITS 32
#define UUID_LENGTH   36
#define TIME_LENGTH   (TIMESTAMP_SIZE - 1)

static const char IMAGE_PREFIX[] = "sha256:";
#define IMAGE_PREFIX_LENGTH (sizeof IMAGE_PREFIX - 1)

static bool is_text(struct bytes value, const char *text)
{
    return bytes_equal(value, bytes_of(text, strlen(text)));
}

static bool begins_with(struct bytes value, const char *text)
{
    size_t length = strlen(text);
    return value.length >= length && memcmp(value.data, text, length) == 0;
}

/* ---- hex ---- */

static int digit_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool is_hex(const uint8_t *text, size_t digits)
{
    for (size_t i = 0; i < digits; i++) {
        if (digit_value(text[i]) < 0)
            return false;
    }
    return true;
}

static void decode(const uint8_t *digits, uint8_t *out, size_t length)
{
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(digit_value(digits[2 * i]) * 16 + digit_value(digits[2 * i + 1]));
}

static bool is_uuid(struct bytes value)
{
    static const size_t PARTS[] = {8, 4, 4, 4, 12};
    const uint8_t *at = value.data;
    if (value.length != UUID_LENGTH)
        return false;
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        if (!is_hex(at, PARTS[i]) || (i < 4 && at[PARTS[i]] != '-'))
            return false;
        at += PARTS[i] + 1;
    }
    return true;
}

void leaf_form_digest(struct bytes value, struct sha256 *ret_digest)
{
    decode(value.data + value.length - DIGEST_DIGITS, ret_digest->bytes, SHA256_SIZE);
}

void leaf_form_uuid(struct bytes value, struct uuid *ret_id)
{
    uint8_t digits[2 * UUID_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] != '-')
            digits[count++] = value.data[i];
    }
    decode(digits, ret_id->bytes, UUID_SIZE);
}

/* ---- time ---- */

bool leaf_form_time(struct bytes value, int64_t *ret_unix_ms)
{
    char text[TIMESTAMP_SIZE];
    if (value.length != TIME_LENGTH)
        return false;
    memcpy(text, value.data, TIME_LENGTH);
    text[TIME_LENGTH] = '\0';
    return timestamp_parse(text, ret_unix_ms);
}

/* ---- lists ---- */

/* A newline is written as a backslash and an n; a backslash before them belongs to another sign. */
bool leaf_form_next(struct bytes *list, struct bytes *ret_name)
{
    for (size_t at = 0; at + 1 < list->length; at++) {
        if (list->data[at] != '\\')
            continue;
        if (list->data[at + 1] == 'n') {
            *ret_name = bytes_of(list->data, at);
            *list = bytes_of(list->data + at + 2, list->length - at - 2);
            return true;
        }
        at++;
    }
    return false;
}

static bool is_list(struct bytes value)
{
    struct bytes name;
    while (leaf_form_next(&value, &name)) {
        if (name.length == 0)
            return false;
    }
    return value.length == 0;
}

/* ---- all ---- */

static bool is_role(struct bytes value)
{
    static const char *const ROLES[] = {"station", "operator", "auditor", "administrator",
                                        "metrics"};
    for (size_t i = 0; i < sizeof ROLES / sizeof ROLES[0]; i++) {
        if (is_text(value, ROLES[i]))
            return true;
    }
    return false;
}

static bool is_name(struct bytes value)
{
    char name[LEAF_NAME_MAX + 1];
    if (value.length > LEAF_NAME_MAX)
        return false;
    memcpy(name, value.data, value.length);
    name[value.length] = '\0';
    return name_is_valid(name, LEAF_NAME_MAX);
}

static bool text_fits(enum leaf_form form, struct bytes value)
{
    switch (form) {
    case LEAF_FORM_NAME:
        return is_name(value);
    case LEAF_FORM_DIGEST:
        return value.length == DIGEST_DIGITS && is_hex(value.data, DIGEST_DIGITS);
    case LEAF_FORM_KEY_ID:
        return value.length == KEY_ID_DIGITS && is_hex(value.data, KEY_ID_DIGITS);
    case LEAF_FORM_IMAGE:
        return value.length == IMAGE_PREFIX_LENGTH + DIGEST_DIGITS &&
               begins_with(value, IMAGE_PREFIX) &&
               is_hex(value.data + IMAGE_PREFIX_LENGTH, DIGEST_DIGITS);
    case LEAF_FORM_UUID:
        return is_uuid(value);
    case LEAF_FORM_TIME:
        return value.length == TIME_LENGTH;
    case LEAF_FORM_POLICY:
        return is_text(value, "per-device") || is_text(value, "per-license");
    case LEAF_FORM_RESULT:
        return is_text(value, "succeeded") || is_text(value, "failed") ||
               is_text(value, "scrapped");
    case LEAF_FORM_ROLE:
        return is_role(value);
    case LEAF_FORM_LIST:
        return is_list(value);
    default:
        return form == LEAF_FORM_TEXT;
    }
}

bool leaf_form_fits(enum leaf_form form, enum canonical_kind kind, struct bytes value)
{
    switch (form) {
    case LEAF_FORM_NUMBER:
        return kind == CANONICAL_NUMBER;
    case LEAF_FORM_COUNT:
        return kind == CANONICAL_NUMBER && canonical_number(value) >= 0 &&
               canonical_number(value) <= LEAF_COUNT_MAX;
    case LEAF_FORM_FLAG:
        return kind == CANONICAL_FLAG;
    default:
        return kind == CANONICAL_TEXT && text_fits(form, value);
    }
}
