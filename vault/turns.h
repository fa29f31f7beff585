/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who does how much of what is dear: so many at once in all, and so many of one principal, so that
 * nobody keeps the others from it. Full is an answer; nobody waits. Threads: safe from any thread.
 */
#ifndef VAULT_TURNS_H
#define VAULT_TURNS_H

#include <pthread.h>
#include <stdint.h>

#include "core/error.h"

#define TURNS_MAX 128

struct turns {
    unsigned max; /* immutable after turns_init, as max_each */
    unsigned max_each;
    pthread_mutex_t lock; /* guards the two below */
    unsigned count;
    int64_t principals[TURNS_MAX]; /* of those under way, in any order */
};

/* max is 1 to TURNS_MAX, max_each 1 or more. */
void turns_init(struct turns *turns, unsigned max, unsigned max_each);
void turns_clear(struct turns *turns);

enum turns_answer {
    TURNS_TAKEN,     /* turns_leave must follow */
    TURNS_FULL,      /* others are at it */
    TURNS_FULL_EACH, /* this principal is */
};
enum turns_answer turns_enter(struct turns *turns, int64_t principal_id) MUST_USE;
void turns_leave(struct turns *turns, int64_t principal_id);

#endif
