/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The growing block of rows. Owns no state beyond the task. */
#include "vault/listing.h"

#include <stdlib.h>
#include <string.h>

static void listing_free(void *memory)
{
    struct listing *listing = memory;
    free(listing->rows);
    free(listing->links);
    free(listing);
}

struct listing *listing_new(struct admin_task *task, size_t row_size)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL)
        return NULL;
    listing->row_size = row_size;
    task->memory = listing;
    task->free_memory = listing_free;
    return listing;
}

void *listing_add(struct listing *listing)
{
    if (listing->count == ADMIN_ROWS_MAX) {
        memmove(listing->rows, listing->rows + listing->row_size,
                (listing->count - 1) * listing->row_size);
        listing->count--;
    }
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 16 : 2 * listing->capacity;
        char *rows = realloc(listing->rows, capacity * listing->row_size);
        listing->is_out_of_memory = rows == NULL;
        if (rows == NULL)
            return NULL;
        listing->rows = rows;
        listing->capacity = capacity;
    }
    return listing->rows + listing->row_size * listing->count++;
}

enum error listing_finish(struct admin_task *task, enum error e, struct listing *listing)
{
    if (e != ERR_OK)
        return e;
    listing->links = calloc(listing->count + 1, sizeof listing->links[0]);
    if (listing->is_out_of_memory || listing->links == NULL)
        return fault_set(&task->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    for (size_t i = 0; i < listing->count; i++)
        listing->links[i] = listing->rows + i * listing->row_size;
    return ERR_OK;
}

enum error listing_refuse_memory(struct admin_task *task)
{
    return fault_set(&task->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
}
