/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rows of a listing, collected into one growing block and then pointed at by a reply's repeated
 * field. Order of calls: listing_new, listing_add, listing_finish, listing_free. Threads: a listing
 * belongs to one thread.
 */
#ifndef VAULT_LISTING_H
#define VAULT_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

#define LISTING_ROWS_MAX 2000 /* the newest ones are shown */

/* A block of rows of one size; links is what the reply's repeated field points at. */
struct listing {
    char *rows;
    void **links; /* set by listing_finish */
    size_t row_size;
    size_t first; /* the oldest row's place, once there are LISTING_ROWS_MAX */
    size_t count;
    size_t capacity;
    bool is_out_of_memory;
};

/* NULL when memory is out. */
struct listing *listing_new(size_t row_size);
/* A struct listing; NULL is allowed. As a task's free_memory. */
void listing_free(void *listing);
/* The place of a new row, zeroed; rows beyond LISTING_ROWS_MAX take the oldest one's. NULL: no
 * memory. */
void *listing_add(struct listing *listing);
/* The row of that number, the oldest is 0; it may move with the next row. */
void *listing_at(struct listing *listing, size_t index);
/* Rows do not move any more: points links at them. e is what the reading came to. */
enum error listing_finish(struct listing *listing, enum error e, struct fault *fault) MUST_USE;

#endif
