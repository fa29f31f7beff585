/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The reader: one pass from left to right, no copy. Owns no state. */
#include "audit/canonical.h"

#include <string.h>

#define DEPTH_MAX    8 /* arrays and objects within one another */
#define DIGITS_MAX   19
#define NUMBER_LIMIT ((uint64_t)1 << 63) /* how far below zero an int64_t goes */

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    unsigned depth;
};

/* What is told to whoever asked; only about members of the outermost object. */
struct listener {
    void (*on_field)(void *context, const struct canonical_field *field);
    void *context;
};

static bool take(struct reader *reader, uint8_t byte)
{
    if (reader->at == reader->end || *reader->at != byte)
        return false;
    reader->at++;
    return true;
}

static bool take_word(struct reader *reader, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
        return false;
    reader->at += length;
    return true;
}

/* ---- texts ---- */

/* The unit of \uXXXX at text, four digits in upper case; -1 when they are not. */
static int32_t read_unit(const uint8_t *text, size_t length)
{
    int32_t unit = 0;
    if (length < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = text[i] >= '0' && text[i] <= '9'   ? text[i] - '0'
                    : text[i] >= 'A' && text[i] <= 'F' ? text[i] - 'A' + 10
                                                       : -1;
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool has_short_form(int32_t unit)
{
    return unit == '\b' || unit == '\f' || unit == '\n' || unit == '\r' || unit == '\t';
}

/* Behind "\u": a character that has no other form. Returns the bytes taken, 0 for a mistake. */
static size_t read_escaped(const uint8_t *text, size_t length, uint32_t *ret_character)
{
    int32_t unit = read_unit(text, length);
    bool is_high = unit >= 0xd800 && unit <= 0xdbff;
    if (unit < 0 || (unit >= 0x20 && unit < 0x80) || has_short_form(unit) ||
        (unit >= 0xdc00 && unit <= 0xdfff))
        return 0;
    *ret_character = (uint32_t)unit;
    if (!is_high)
        return 4;
    int32_t low =
        length >= 10 && text[4] == '\\' && text[5] == 'u' ? read_unit(text + 6, length - 6) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    *ret_character = 0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    return 10;
}

static const char SHORT_NAMES[] = "bfnrt\"\\";
static const char SHORT_VALUES[] = "\b\f\n\r\t\"\\";

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* One character of a raw text. Returns the bytes taken, 0 for a mistake. */
static size_t read_character(const uint8_t *text, size_t length, uint32_t *ret_character)
{
    if (text[0] != '\\') {
        *ret_character = text[0];
        return is_plain(text[0]) ? 1 : 0;
    }
    if (length < 2)
        return 0;
    if (text[1] == 'u') {
        size_t taken = read_escaped(text + 2, length - 2, ret_character);
        return taken > 0 ? taken + 2 : 0;
    }
    const char *name = text[1] != '\0' ? strchr(SHORT_NAMES, text[1]) : NULL;
    if (name == NULL)
        return 0;
    *ret_character = (uint8_t)SHORT_VALUES[name - SHORT_NAMES];
    return 2;
}

static bool read_text(struct reader *reader, struct bytes *ret_raw)
{
    if (!take(reader, '"'))
        return false;
    const uint8_t *begin = reader->at;
    for (;;) {
        uint32_t character = 0;
        while (reader->at < reader->end && is_plain(*reader->at))
            reader->at++;
        if (reader->at == reader->end || *reader->at == '"')
            break;
        size_t taken = read_character(reader->at, (size_t)(reader->end - reader->at), &character);
        if (taken == 0)
            return false;
        reader->at += taken;
    }
    *ret_raw = bytes_of(begin, (size_t)(reader->at - begin));
    return take(reader, '"');
}

/* ---- values ---- */

static bool read_number(struct reader *reader)
{
    bool is_negative = take(reader, '-');
    const uint8_t *begin = reader->at;
    uint64_t value = 0;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9' &&
           reader->at - begin <= DIGITS_MAX)
        value = value * 10 + (uint64_t)(*reader->at++ - '0');
    ptrdiff_t digits = reader->at - begin;
    if (digits == 0 || digits > DIGITS_MAX || (*begin == '0' && (digits > 1 || is_negative)))
        return false;
    return value < NUMBER_LIMIT + (is_negative ? 1 : 0);
}

static bool read_value(struct reader *reader, struct canonical_field *field);
static bool read_object(struct reader *reader, const struct listener *listener);

static bool read_array(struct reader *reader)
{
    struct canonical_field element;
    if (take(reader, ']'))
        return true;
    do {
        if (!read_value(reader, &element))
            return false;
    } while (take(reader, ','));
    return take(reader, ']');
}

static bool read_nested(struct reader *reader)
{
    const struct listener nobody = {0};
    if (take_word(reader, "null"))
        return true;
    if (reader->depth == DEPTH_MAX)
        return false;
    reader->depth++;
    bool is_read = take(reader, '[')   ? read_array(reader)
                   : take(reader, '{') ? read_object(reader, &nobody)
                                       : false;
    reader->depth--;
    return is_read;
}

static bool read_value(struct reader *reader, struct canonical_field *field)
{
    const uint8_t *begin = reader->at;
    bool is_read = false;
    if (begin == reader->end)
        return false;
    if (*begin == '"') {
        field->kind = CANONICAL_TEXT;
        return read_text(reader, &field->value);
    }
    if (*begin == '-' || (*begin >= '0' && *begin <= '9')) {
        field->kind = CANONICAL_NUMBER;
        is_read = read_number(reader);
    } else if (*begin == 't' || *begin == 'f') {
        field->kind = CANONICAL_FLAG;
        is_read = take_word(reader, "true") || take_word(reader, "false");
    } else {
        field->kind = CANONICAL_OTHER;
        is_read = read_nested(reader);
    }
    field->value = bytes_of(begin, (size_t)(reader->at - begin));
    return is_read;
}

/* ---- objects ---- */

/* By characters, which is the order of their UTF-8; both are texts that were read. */
static bool is_above(struct bytes key, struct bytes before)
{
    size_t key_at = 0;
    size_t before_at = 0;
    while (key_at < key.length && before_at < before.length) {
        uint32_t character = 0;
        uint32_t other = 0;
        key_at += read_character(key.data + key_at, key.length - key_at, &character);
        before_at += read_character(before.data + before_at, before.length - before_at, &other);
        if (character != other)
            return character > other;
    }
    return key_at < key.length;
}

/* Behind the opening brace. */
static bool read_object(struct reader *reader, const struct listener *listener)
{
    struct canonical_field field = {.key = {.data = NULL}};
    if (take(reader, '}'))
        return true;
    do {
        const struct bytes before = field.key;
        if (!read_text(reader, &field.key) ||
            (before.data != NULL && !is_above(field.key, before)) || !take(reader, ':') ||
            !read_value(reader, &field))
            return false;
        if (listener->on_field != NULL)
            listener->on_field(listener->context, &field);
    } while (take(reader, ','));
    return take(reader, '}');
}

bool canonical_read(struct bytes text,
                    void (*on_field)(void *context, const struct canonical_field *field),
                    void *context)
{
    const struct listener listener = {.on_field = on_field, .context = context};
    struct reader reader = {.at = text.data, .end = text.data + text.length};
    return take(&reader, '{') && read_object(&reader, &listener) && reader.at == reader.end;
}

int64_t canonical_number(struct bytes value)
{
    bool is_negative = value.data[0] == '-';
    uint64_t number = 0;
    for (size_t i = is_negative ? 1 : 0; i < value.length; i++)
        number = number * 10 + (uint64_t)(value.data[i] - '0');
    return is_negative ? (int64_t)(0 - number) : (int64_t)number;
}

/* ---- UTF-8 ---- */

static size_t put_utf8(uint32_t character, char out[4])
{
    static const struct {
        uint32_t below;
        uint8_t lead;
    } FORMS[] = {{0x80, 0}, {0x800, 0xc0}, {0x10000, 0xe0}, {0x110000, 0xf0}};
    size_t more = 0;
    while (character >= FORMS[more].below)
        more++;
    for (size_t i = more; i > 0; i--) {
        out[i] = (char)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    out[0] = (char)(FORMS[more].lead | character);
    return more + 1;
}

/* The bytes of the character at text, which ends in NUL; 0 when it is none. */
static size_t get_utf8(const char *text, uint32_t *ret_character)
{
    static const uint32_t LEAST[] = {0, 0x80, 0x800, 0x10000};
    const uint8_t *bytes = (const uint8_t *)text;
    uint8_t lead = bytes[0];
    size_t more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if ((lead >= 0x80 && lead < 0xc0) || lead >= 0xf8)
        return 0;
    uint32_t character = more == 0 ? lead : lead & (0x3fU >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (bytes[i] & 0x3f);
    }
    if (character < LEAST[more] || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff))
        return 0;
    *ret_character = character;
    return more + 1;
}

bool canonical_decode(struct bytes raw, char *out, size_t size)
{
    size_t length = 0;
    for (size_t at = 0; at < raw.length;) {
        uint32_t character = 0;
        char utf8[4];
        size_t taken = read_character(raw.data + at, raw.length - at, &character);
        size_t count = put_utf8(character, utf8);
        if (taken == 0 || character == 0 || length + count >= size)
            return false;
        memcpy(out + length, utf8, count);
        length += count;
        at += taken;
    }
    out[length] = '\0';
    return true;
}

static size_t put_unit(uint32_t unit, char *out)
{
    static const char DIGITS[] = "0123456789ABCDEF";
    out[0] = '\\';
    out[1] = 'u';
    for (size_t i = 0; i < 4; i++)
        out[2 + i] = DIGITS[unit >> (12 - 4 * i) & 15];
    return 6;
}

static size_t put_character(uint32_t character, char out[12])
{
    const char *name = character < 0x80 ? strchr(SHORT_VALUES, (int)character) : NULL;
    if (name != NULL) {
        out[0] = '\\';
        out[1] = SHORT_NAMES[name - SHORT_VALUES];
        return 2;
    }
    if (character >= 0x10000) {
        size_t high = put_unit(0xd800 + ((character - 0x10000) >> 10), out);
        return high + put_unit(0xdc00 + ((character - 0x10000) & 0x3ff), out + high);
    }
    if (character < 0x20 || character >= 0x80)
        return put_unit(character, out);
    out[0] = (char)character;
    return 1;
}

bool canonical_encode(const char *text, char *out, size_t size)
{
    size_t length = 0;
    while (*text != '\0') {
        uint32_t character = 0;
        char raw[12];
        size_t taken = get_utf8(text, &character);
        size_t count = taken > 0 ? put_character(character, raw) : 0;
        if (taken == 0 || length + count >= size)
            return false;
        memcpy(out + length, raw, count);
        length += count;
        text += taken;
    }
    out[length] = '\0';
    return true;
}
