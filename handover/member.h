/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Members of a line's JSON, there and back. Private to handover/. Threads: pure functions. */
#ifndef HANDOVER_MEMBER_H
#define HANDOVER_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "core/bytes.h"
#include "core/error.h"

/* At most as many bytes as a point has. */
void member_set_hex(json_t *object, const char *name, struct bytes bytes);
void member_set_digest(json_t *object, const char *name, const struct sha256 *digest);
/* The one form of it, which the caller frees; takes object over. NULL unless it has so many
 * members: one that could not be set is missing. */
char *member_dump(json_t *object, size_t members) MUST_USE;

/* False when the member is missing, of another type, or out of its limits; object may be NULL. */
bool member_get_text(const json_t *object, const char *name, char *out, size_t size) MUST_USE;
bool member_get_number(const json_t *object, const char *name, int64_t *out) MUST_USE;
/* At most max bytes. */
bool member_get_hex(const json_t *object, const char *name, uint8_t *out, size_t max,
                    size_t *ret_length) MUST_USE;
bool member_get_exact(const json_t *object, const char *name, uint8_t *out, size_t size) MUST_USE;
/* Whether the line is what was made of its values; takes made over, which may be NULL. */
bool member_is_same(const char *line, char *made) MUST_USE;

#endif
