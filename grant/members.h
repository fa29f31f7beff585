/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One JSON object, read member by member: who takes one says what it must be, and at the end
 * nothing may be left over. What is wrong first is kept; every taker returns false then.
 * Threads: a value of one thread. Private to grant/.
 */
#ifndef GRANT_MEMBERS_H
#define GRANT_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "core/bytes.h"
#include "core/error.h"

struct members {
    const json_t *object; /* borrowed; anything but an object has no members */
    size_t taken;
    struct fault *fault;
    enum error error;
};

/* Notes "grant-malformed" with that sentence and returns false. */
bool members_refuse(struct members *members, const char *detail);
/* Likewise that memory is out. */
bool members_fail_memory(struct members *members);

/* The value, borrowed; NULL when there is none. */
const json_t *members_take(struct members *members, const char *name);
bool members_have(const struct members *members, const char *name);
/* True when every member was taken. */
bool members_are_all_taken(const struct members *members);

/* A text without a NUL in it, borrowed; NULL for anything else. */
const char *members_take_text(struct members *members, const char *name);
/* Each of the following refuses with detail. A name as in core/bytes.h, out holds max + 1 bytes. */
bool members_take_name(struct members *members, const char *name, char *out, size_t max,
                       const char *detail);
/* 1 to max bytes without control characters; out holds max + 1. */
bool members_take_line(struct members *members, const char *name, char *out, size_t max,
                       const char *detail);
bool members_take_digest(struct members *members, const char *name, struct sha256 *out,
                         const char *detail);
struct members_range {
    int64_t min;
    int64_t max;
};
bool members_take_number(struct members *members, const char *name, struct members_range range,
                         int64_t *out, const char *detail);

#endif
