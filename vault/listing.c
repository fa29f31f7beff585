/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The growing block of rows. Owns no state beyond the listing. */
#include "vault/listing.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16

struct listing *listing_new(size_t row_size)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (listing != NULL)
        listing->row_size = row_size;
    return listing;
}

void listing_free(void *memory)
{
    struct listing *listing = memory;
    if (listing == NULL)
        return;
    free(listing->rows);
    free(listing->links);
    free(listing);
}

static bool grow(struct listing *listing)
{
    size_t capacity = listing->capacity == 0 ? FIRST_CAPACITY : 2 * listing->capacity;
    char *rows = realloc(listing->rows, capacity * listing->row_size);
    if (rows == NULL)
        return false;
    listing->rows = rows;
    listing->capacity = capacity;
    return true;
}

void *listing_at(struct listing *listing, size_t index)
{
    return listing->rows + (listing->first + index) % LISTING_ROWS_MAX * listing->row_size;
}

void *listing_add(struct listing *listing)
{
    if (listing->count == LISTING_ROWS_MAX) {
        listing->first = (listing->first + 1) % LISTING_ROWS_MAX;
        listing->count--;
    } else if (listing->count == listing->capacity && !grow(listing)) {
        listing->is_out_of_memory = true;
        return NULL;
    }
    void *row = listing_at(listing, listing->count++);
    memset(row, 0, listing->row_size);
    return row;
}

enum error listing_finish(struct listing *listing, enum error e, struct fault *fault)
{
    if (e != ERR_OK)
        return e;
    listing->links = calloc(listing->count + 1, sizeof listing->links[0]);
    if (listing->is_out_of_memory || listing->links == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    for (size_t i = 0; i < listing->count; i++)
        listing->links[i] = listing_at(listing, i);
    return ERR_OK;
}
