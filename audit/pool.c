/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Records in segments, so that growing copies nothing but the list of segments. */
#include "audit/pool.h"

#include <assert.h>
#include <stdlib.h>

#define SEGMENT_RECORDS 4096

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the audit.", 0);
}

static enum error add_segment(struct pool *pool, struct fault *fault)
{
    /* The list doubles: its size is a power of two times one segment. */
    if ((pool->segment_count & (pool->segment_count - 1)) == 0) {
        size_t room = pool->segment_count == 0 ? 1 : 2 * pool->segment_count;
        uint8_t **segments = realloc(pool->segments, room * sizeof *segments);
        if (segments == NULL)
            return out_of_memory(fault);
        pool->segments = segments;
    }
    uint8_t *segment = calloc(SEGMENT_RECORDS, pool->record_size);
    if (segment == NULL)
        return out_of_memory(fault);
    pool->segments[pool->segment_count++] = segment;
    return ERR_OK;
}

enum error pool_add(struct pool *pool, uint32_t *ret_number, struct fault *fault)
{
    if (pool->count == POOL_NONE)
        return fault_set(fault, ERR_TOO_LARGE, "too-many",
                         "The export has more records than this version can audit.", 0);
    if (pool->count == pool->segment_count * SEGMENT_RECORDS) {
        enum error e = add_segment(pool, fault);
        if (e != ERR_OK)
            return e;
    }
    *ret_number = pool->count++;
    return ERR_OK;
}

void *pool_at(const struct pool *pool, uint32_t number)
{
    assert(number < pool->count);
    return pool->segments[number / SEGMENT_RECORDS] +
           (number % SEGMENT_RECORDS) * pool->record_size;
}

void pool_clear(struct pool *pool)
{
    for (size_t i = 0; i < pool->segment_count; i++)
        free(pool->segments[i]);
    free(pool->segments);
    *pool = (struct pool){.record_size = pool->record_size};
}
