/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Millions of small records of one size, numbered from 0; they never move and are freed together.
 * Private to audit/. Threads: one; reading is free while nobody adds.
 */
#ifndef AUDIT_POOL_H
#define AUDIT_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define POOL_NONE UINT32_MAX /* no record */

struct pool {
    size_t record_size; /* set by the owner, who zeroes the rest */
    uint32_t count;
    uint8_t **segments;
    size_t segment_count;
};

/* A new zeroed record. ERR_INTERNAL ("memory"); ERR_TOO_LARGE beyond 2^32 - 1 of them. */
enum error pool_add(struct pool *pool, uint32_t *ret_number, struct fault *fault) MUST_USE;
void *pool_at(const struct pool *pool, uint32_t number);
void pool_clear(struct pool *pool);

#endif
