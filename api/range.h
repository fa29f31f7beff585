/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Byte ranges and entity tags of one content (RFC 9110 §13, §14), in their simple forms.
 *
 * One range is served; several, another unit or a malformed header mean the whole content, as the
 * RFC allows. Threads: pure functions.
 */
#ifndef API_RANGE_H
#define API_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum range_kind { RANGE_WHOLE, RANGE_PART, RANGE_OUTSIDE };

struct range {
    uint64_t first;  /* offset of the first byte */
    uint64_t length; /* bytes; 0 only for an empty content */
};

/*
 * Reads the value of a Range header (NULL: there is none) against a content of size bytes.
 * *ret_range is set except for RANGE_OUTSIDE.
 */
enum range_kind range_parse(const char *header, uint64_t size, struct range *ret_range);

/*
 * Whether the list of an If-None-Match header (NULL: none) names etag or "*". etag has its quotes;
 * weak tags are compared by their text.
 */
bool etag_is_listed(const char *header, const char *etag);

/* Whether an If-Range header (NULL: none) allows a range: absent, or exactly the strong etag. */
bool etag_allows_range(const char *header, const char *etag);

#endif
