/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Escaping of foreign text, strict numbers, edit distance. Owns no state. */
#include "cli/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX           32
#define ESCAPED_BYTES      4 /* \xNN */

#define SECONDS_PER_MINUTE INT64_C(60)
#define MINUTES_PER_HOUR   INT64_C(60)
#define HOURS_PER_DAY      INT64_C(24)

/* Length of the UTF-8 sequence that a lead byte announces (RFC 3629); 0 when it is none. */
static size_t sequence_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    if (lead >= 0xf0 && lead <= 0xf4)
        return 4;
    return 0;
}

/* The code point at text and its length; length 0 when the bytes there are not UTF-8. */
static uint32_t decode(const unsigned char *text, size_t *ret_length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t length = sequence_length(text[0]);
    uint32_t point = text[0] & lead_bits[length];
    *ret_length = 0;
    if (length == 0)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) /* also stops at the terminating NUL */
            return 0;
        point = point << 6 | (text[i] & 0x3f);
    }
    if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_length = length;
    return point;
}

static bool point_is_harmless(uint32_t point)
{
    bool is_control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
    bool is_line_end = point == 0x2028 || point == 0x2029;
    bool is_direction = point == 0x061c || point == 0x200e || point == 0x200f ||
                        (point >= 0x202a && point <= 0x202e) ||
                        (point >= 0x2066 && point <= 0x2069);
    return !is_control && !is_line_end && !is_direction;
}

void text_escape(const char *text, char *out, size_t size)
{
    const unsigned char *in = (const unsigned char *)text;
    while (*in != '\0') {
        size_t length = 0;
        uint32_t point = decode(in, &length);
        bool is_copied = length > 0 && point_is_harmless(point);
        size_t step = length > 0 ? length : 1;
        size_t needed = is_copied ? step : step * ESCAPED_BYTES;
        if (needed >= size)
            break;
        for (size_t i = 0; i < step; i++) {
            size_t one = is_copied ? 1 : ESCAPED_BYTES;
            if (is_copied)
                *out = (char)in[i];
            else
                (void)snprintf(out, size, "\\x%02x", in[i]);
            out += one;
            size -= one;
        }
        in += step;
    }
    *out = '\0';
}

const char *text_second_sentence(const char *text)
{
    const char *at = text;
    while ((at = strchr(at, ' ')) != NULL) {
        if (at > text && strchr(".?!", at[-1]) != NULL && at[1] >= 'A' && at[1] <= 'Z')
            return at + 1;
        at++;
    }
    return text + strlen(text);
}

bool text_parse_number(const char *text, int64_t min, int64_t max, int64_t *ret_number)
{
    size_t length = strnlen(text, NUMBER_TEXT_SIZE);
    int64_t number = 0;
    if (length == 0 || strspn(text, "0123456789") != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text[i] - '0', &number))
            return false;
    }
    if (number < min || number > max)
        return false;
    *ret_number = number;
    return true;
}

bool text_parse_address(const char *text, uint64_t *ret_address)
{
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = is_hex ? text + 2 : "";
    size_t length = strspn(digits, "0123456789abcdefABCDEF");
    if (length == 0 || digits[length] != '\0')
        return false;
    errno = 0;
    unsigned long long address = strtoull(digits, NULL, 16);
    if (errno != 0)
        return false;
    *ret_address = address;
    return true;
}

static int digit_of(char character)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = character != '\0' ? strchr(digits, character) : NULL;
    return at != NULL ? (int)(at - digits) % 16 : -1;
}

bool text_parse_hex(const char *text, uint8_t *out, size_t max, size_t *ret_length)
{
    const size_t digits = strnlen(text, 2 * max + 1);
    if (digits == 0 || digits % 2 != 0 || digits > 2 * max)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (digit_of(text[i]) < 0)
            return false;
    }
    for (size_t i = 0; i < digits / 2; i++)
        out[i] = (uint8_t)(digit_of(text[2 * i]) * 16 + digit_of(text[2 * i + 1]));
    *ret_length = digits / 2;
    return true;
}

static const struct {
    char letter;
    uint32_t minutes;
} UNITS_OF_TIME[] = {{'d', 24 * 60}, {'h', 60}, {'m', 1}};
#define UNIT_COUNT (sizeof UNITS_OF_TIME / sizeof UNITS_OF_TIME[0])

bool text_parse_minutes(const char *text, uint32_t max, uint32_t *ret_minutes)
{
    char number[NUMBER_TEXT_SIZE];
    int64_t count = 0;
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits >= sizeof number || text[digits] == '\0' || text[digits + 1] != '\0')
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        const uint32_t unit = UNITS_OF_TIME[i].minutes;
        if (text[digits] != UNITS_OF_TIME[i].letter)
            continue;
        if (!text_parse_number(number, 0, max / unit, &count))
            return false;
        *ret_minutes = (uint32_t)count * unit;
        return true;
    }
    return false;
}

char *text_minutes(uint32_t minutes, char out[NUMBER_TEXT_SIZE])
{
    size_t i = 0;
    while (minutes % UNITS_OF_TIME[i].minutes != 0)
        i++;
    if (minutes == 0)
        i = 1; /* no time at all is 0h */
    (void)snprintf(out, NUMBER_TEXT_SIZE, "%" PRIu32 "%c", minutes / UNITS_OF_TIME[i].minutes,
                   UNITS_OF_TIME[i].letter);
    return out;
}

/* "3 h 12 min", without what is zero. */
static void format_pair(int64_t large, const char *large_unit, int64_t small,
                        const char *small_unit, char out[TEXT_DURATION_SIZE])
{
    if (small > 0)
        (void)snprintf(out, TEXT_DURATION_SIZE, "%" PRId64 " %s %" PRId64 " %s", large, large_unit,
                       small, small_unit);
    else
        (void)snprintf(out, TEXT_DURATION_SIZE, "%" PRId64 " %s", large, large_unit);
}

char *text_duration(int64_t seconds, char out[TEXT_DURATION_SIZE])
{
    const int64_t minutes = seconds / SECONDS_PER_MINUTE + (seconds % SECONDS_PER_MINUTE > 0);
    const int64_t hours = minutes / MINUTES_PER_HOUR;
    if (seconds < 2 * SECONDS_PER_MINUTE)
        format_pair(seconds, "s", 0, "", out);
    else if (hours < 2)
        format_pair(minutes, "min", 0, "", out);
    else if (hours < 2 * HOURS_PER_DAY)
        format_pair(hours, "h", minutes % MINUTES_PER_HOUR, "min", out);
    else
        format_pair(hours / HOURS_PER_DAY, "d", hours % HOURS_PER_DAY, "h", out);
    return out;
}

char *text_number(int64_t value, char out[NUMBER_TEXT_SIZE])
{
    (void)snprintf(out, NUMBER_TEXT_SIZE, "%" PRId64, value);
    return out;
}

static unsigned least_of(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

unsigned text_distance(const char *a, const char *b)
{
    size_t a_length = strnlen(a, WORD_MAX);
    size_t b_length = strnlen(b, WORD_MAX);
    unsigned row[WORD_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned above = row[j];
            row[j] = least_of(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}
