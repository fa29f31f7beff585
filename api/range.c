/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Range and entity-tag headers. Owns no state. */
#include "api/range.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Digits only, at least one, no overflow. Moves *text behind them. */
static bool read_number(const char **text, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = *text;
    if (*at < '0' || *at > '9')
        return false;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *text = at;
    *ret_number = number;
    return true;
}

/* "-n": the last n bytes. */
static enum range_kind parse_suffix(const char *text, uint64_t size, struct range *ret_range)
{
    uint64_t count = 0;
    if (!read_number(&text, &count) || *text != '\0')
        return RANGE_WHOLE;
    if (count == 0 || size == 0)
        return RANGE_OUTSIDE;
    uint64_t length = count < size ? count : size;
    *ret_range = (struct range){.first = size - length, .length = length};
    return RANGE_PART;
}

/* "a-" or "a-b". */
static enum range_kind parse_from(const char *text, uint64_t size, struct range *ret_range)
{
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    if (!read_number(&text, &first) || *text++ != '-')
        return RANGE_WHOLE;
    if (*text != '\0' && (!read_number(&text, &last) || *text != '\0' || last < first))
        return RANGE_WHOLE;
    if (first >= size)
        return RANGE_OUTSIDE;
    if (last >= size)
        last = size - 1;
    *ret_range = (struct range){.first = first, .length = last - first + 1};
    return RANGE_PART;
}

enum range_kind range_parse(const char *header, uint64_t size, struct range *ret_range)
{
    *ret_range = (struct range){.first = 0, .length = size};
    if (header == NULL || strncasecmp(header, "bytes=", 6) != 0)
        return RANGE_WHOLE;
    const char *text = header + 6;
    return *text == '-' ? parse_suffix(text + 1, size, ret_range)
                        : parse_from(text, size, ret_range);
}

static const char *skip_separators(const char *text)
{
    return text + strspn(text, " \t,");
}

bool etag_is_listed(const char *header, const char *etag)
{
    if (header == NULL)
        return false;
    size_t length = strlen(etag);
    for (const char *at = skip_separators(header); *at != '\0'; at = skip_separators(at)) {
        if (strncmp(at, "W/", 2) == 0)
            at += 2;
        size_t entry = strcspn(at, " \t,");
        if ((entry == 1 && *at == '*') || (entry == length && strncmp(at, etag, length) == 0))
            return true;
        at += entry;
    }
    return false;
}

bool etag_allows_range(const char *header, const char *etag)
{
    return header == NULL || strcmp(header, etag) == 0;
}
