/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What is known of the token. */
#include "hsm/pool_parts.h"

#include <string.h>

void pool_set_status(struct pool *pool, const struct hsm_status *status)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->status = *status;
    pool->is_known = true;
    (void)pthread_mutex_unlock(&pool->lock);
}

void pool_get_serial(struct pool *pool, char ret_serial[HSM_SERIAL_SIZE])
{
    (void)pthread_mutex_lock(&pool->lock);
    strcpy(ret_serial, pool->status.token_serial); /* zeros before the first worker */
    (void)pthread_mutex_unlock(&pool->lock);
}

static bool is_same_weak_key(const struct hsm_weak_key *a, const struct hsm_weak_key *b)
{
    return memcmp(&a->id, &b->id, sizeof a->id) == 0 && strcmp(a->label, b->label) == 0;
}

bool pool_add_weak_key(struct pool *pool, const struct hsm_weak_key *weak)
{
    struct hsm_status *status = &pool->status;
    bool is_new = true;
    (void)pthread_mutex_lock(&pool->lock);
    for (size_t i = 0; i < status->weak_key_count; i++)
        is_new = is_new && !is_same_weak_key(&status->weak_keys[i], weak);
    is_new = is_new && status->weak_key_count < HSM_WEAK_KEYS_MAX;
    if (is_new)
        status->weak_keys[status->weak_key_count++] = *weak;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_new;
}

void pool_set_spkis(struct pool *pool, const struct hsm_spki *checkpoint,
                    const struct hsm_spki *transport)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->status.checkpoint = *checkpoint;
    pool->status.transport = *transport;
    (void)pthread_mutex_unlock(&pool->lock);
}

void pool_forget_transport(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->status.transport.length = 0;
    (void)pthread_mutex_unlock(&pool->lock);
}

void pool_add_successor(struct pool *pool, unsigned generation, const struct hsm_spki *spki)
{
    struct hsm_status *status = &pool->status;
    (void)pthread_mutex_lock(&pool->lock);
    /* The first key has generation 1, and is no successor; one that is known stays. */
    if (generation == status->successor_count + 2 && generation <= HSM_CHECKPOINT_KEYS_MAX)
        status->successors[status->successor_count++] = *spki;
    (void)pthread_mutex_unlock(&pool->lock);
}

enum error pool_get_status(struct pool *pool, struct hsm_status *ret_status, struct fault *fault)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool is_known = pool->is_known && pool_is_available(pool);
    struct hsm_status status = pool->status;
    status.workers_ready = pool->states[KEEPER_READY];
    status.workers_total = pool->workers;
    status.workers_busy = pool->busy;
    status.worker_restarts = pool->restarts;
    struct fault why = pool->fault;
    (void)pthread_mutex_unlock(&pool->lock);
    if (!is_known) {
        *fault = why;
        return why.code;
    }
    *ret_status = status;
    return ERR_OK;
}
