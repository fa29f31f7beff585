/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A short list under a lock. */
#include "vault/turns.h"

#include <assert.h>

void turns_init(struct turns *turns, unsigned max, unsigned max_each)
{
    assert(max >= 1 && max <= TURNS_MAX && max_each >= 1);
    *turns = (struct turns){.max = max, .max_each = max_each};
    (void)pthread_mutex_init(&turns->lock, NULL);
}

void turns_clear(struct turns *turns)
{
    (void)pthread_mutex_destroy(&turns->lock);
}

static unsigned count_of(const struct turns *turns, int64_t principal_id)
{
    unsigned count = 0;
    for (unsigned i = 0; i < turns->count; i++)
        count += turns->principals[i] == principal_id;
    return count;
}

enum turns_answer turns_enter(struct turns *turns, int64_t principal_id)
{
    enum turns_answer answer = TURNS_TAKEN;
    (void)pthread_mutex_lock(&turns->lock);
    if (count_of(turns, principal_id) >= turns->max_each)
        answer = TURNS_FULL_EACH;
    else if (turns->count == turns->max)
        answer = TURNS_FULL;
    else
        turns->principals[turns->count++] = principal_id;
    (void)pthread_mutex_unlock(&turns->lock);
    return answer;
}

void turns_leave(struct turns *turns, int64_t principal_id)
{
    unsigned at = 0;
    (void)pthread_mutex_lock(&turns->lock);
    while (at < turns->count && turns->principals[at] != principal_id)
        at++;
    assert(at < turns->count);
    turns->principals[at] = turns->principals[--turns->count];
    (void)pthread_mutex_unlock(&turns->lock);
}
