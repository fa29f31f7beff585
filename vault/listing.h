/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rows of a listing, collected into one growing block and then pointed at by a reply's repeated
 * field. A listing lives as long as its task. Threads: a listing belongs to one thread.
 */
#ifndef VAULT_LISTING_H
#define VAULT_LISTING_H

#include "vault/admin_task.h"

/* A block of rows of one size; links is what the reply's repeated field points at. */
struct listing {
    char *rows;
    void **links; /* set by listing_finish */
    size_t row_size;
    size_t count;
    size_t capacity;
    bool is_out_of_memory;
};

/* The task's listing, freed with it; NULL when memory is out. */
struct listing *listing_new(struct admin_task *task, size_t row_size);
/* The place of a new row; rows beyond ADMIN_ROWS_MAX push the oldest out. NULL: no memory. */
void *listing_add(struct listing *listing);
/* Rows do not move any more: points links at them. e is what the reading came to. */
enum error listing_finish(struct admin_task *task, enum error e, struct listing *listing) MUST_USE;
enum error listing_refuse_memory(struct admin_task *task);

#endif
