/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The watching thread and the last thing it saw, guarded by `lock`. */
#include "vault/hsm_watch.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Service is to be back 3 s after an HSM is: half of that is left for the login itself. */
#define RETURN_MS 3000

static_assert(HSM_BACKOFF_MAX_MS + HSM_WATCH_INTERVAL_MS <= RETURN_MS / 2,
              "an HSM that is back is noticed in time");

struct hsm_watch {
    struct hsm_client *hsm;
    struct ledger *ledger;
    pthread_t thread;
    pthread_mutex_t lock;      /* guards everything below */
    pthread_cond_t has_ended;  /* is_ending was set */
    pthread_cond_t has_looked; /* is_looking was cleared */
    bool is_ending;
    bool is_looking; /* one look at a time, so that an older result never replaces a newer one */
    struct hsm_status status;
    struct fault fault;
};

/* Its public part is not given then: without this it would look like another HSM's. */
static bool is_checkpoint_key_weak(const struct hsm_status *status)
{
    bool is_weak = false;
    for (size_t i = 0; i < status->weak_key_count; i++)
        is_weak = is_weak || strcmp(status->weak_keys[i].label, HSM_CHECKPOINT_LABEL) == 0;
    return is_weak && status->checkpoint.length == 0;
}

/* What the pair of status and ledger means; no lock is held across the HSM call. */
static enum error compare(const struct hsm_status *status, const struct ledger_info *info,
                          struct fault *fault)
{
    if (status->workers_ready == 0)
        return fault_set(fault, ERR_HSM_UNAVAILABLE, "no-worker", "No HSM worker is ready.", 0);
    if (!info->is_initialised)
        return fault_set(fault, ERR_NOT_INITIALISED, "not-initialised",
                         "The ledger is not bound to an HSM yet.", 0);
    if (is_checkpoint_key_weak(status))
        return fault_set(fault, ERR_HSM_KEY_WEAK, "key-weak",
                         "The checkpoint key's attributes are weaker than the policy: `provctl "
                         "status` on the server says which.",
                         0);
    struct sha256 identity = sha256_of(bytes_of(status->checkpoint.der, status->checkpoint.length));
    if (status->checkpoint.length == 0 || !sha256_equal(&identity, &info->hsm_identity))
        return fault_set(fault, ERR_HSM_SWAPPED, "hsm-swapped",
                         "This is not the HSM that the ledger belongs to.", 0);
    return ERR_OK;
}

/* Whether provision-hsm has told its status; *fault is what stands in the way all the same. */
static bool look_now(struct hsm_watch *watch, struct hsm_status *status, struct fault *fault)
{
    struct ledger_info info;
    enum error e = hsm_status(watch->hsm, status, fault);
    bool is_told = e == ERR_OK;
    if (e == ERR_TIMEOUT)
        e = fault_set(fault, ERR_HSM_UNAVAILABLE, "hsm-hung", "provision-hsm does not answer.", 0);
    if (e == ERR_OK)
        e = ledger_info(watch->ledger, &info, fault);
    if (e == ERR_OK)
        e = compare(status, &info, fault);
    if (e == ERR_OK)
        *fault = (struct fault){0};
    return is_told;
}

/* Under the lock. What counts up is kept, or it would seem to begin anew. */
static void note_silence(struct hsm_watch *watch)
{
    watch->status.workers_ready = 0;
    watch->status.workers_busy = 0;
}

/* Who comes while somebody looks waits for that look, which has a deadline. */
static void look(struct hsm_watch *watch)
{
    struct hsm_status status = {0};
    struct fault fault = {0};
    (void)pthread_mutex_lock(&watch->lock);
    bool is_mine = !watch->is_looking;
    watch->is_looking = true;
    while (!is_mine && watch->is_looking)
        (void)pthread_cond_wait(&watch->has_looked, &watch->lock);
    (void)pthread_mutex_unlock(&watch->lock);
    if (!is_mine)
        return;
    bool is_told = look_now(watch, &status, &fault);
    (void)pthread_mutex_lock(&watch->lock);
    if (is_told)
        watch->status = status;
    else
        note_silence(watch);
    watch->fault = fault;
    watch->is_looking = false;
    (void)pthread_cond_broadcast(&watch->has_looked);
    (void)pthread_mutex_unlock(&watch->lock);
}

static bool sleep_until_next(struct hsm_watch *watch)
{
    struct timespec until = deadline_timespec(deadline_in(HSM_WATCH_INTERVAL_MS));
    (void)pthread_mutex_lock(&watch->lock);
    if (!watch->is_ending)
        (void)pthread_cond_clockwait(&watch->has_ended, &watch->lock, CLOCK_MONOTONIC, &until);
    bool is_ending = watch->is_ending;
    (void)pthread_mutex_unlock(&watch->lock);
    return !is_ending;
}

static void *watch_main(void *argument)
{
    struct hsm_watch *watch = argument;
    do {
        look(watch);
    } while (sleep_until_next(watch));
    return NULL;
}

enum error hsm_watch_new(struct hsm_client *hsm, struct ledger *ledger,
                         struct hsm_watch **ret_watch)
{
    struct hsm_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return ERR_INTERNAL;
    watch->hsm = hsm;
    watch->ledger = ledger;
    (void)fault_set(&watch->fault, ERR_HSM_UNAVAILABLE, "hsm-not-seen-yet",
                    "The HSM has not answered since the vault started.", 0);
    (void)pthread_mutex_init(&watch->lock, NULL);
    (void)pthread_cond_init(&watch->has_ended, NULL);
    (void)pthread_cond_init(&watch->has_looked, NULL);
    if (pthread_create(&watch->thread, NULL, watch_main, watch) != 0) {
        free(watch);
        return ERR_INTERNAL;
    }
    *ret_watch = watch;
    return ERR_OK;
}

void hsm_watch_free(struct hsm_watch *watch)
{
    if (watch == NULL)
        return;
    (void)pthread_mutex_lock(&watch->lock);
    watch->is_ending = true;
    (void)pthread_cond_broadcast(&watch->has_ended);
    (void)pthread_mutex_unlock(&watch->lock);
    (void)pthread_join(watch->thread, NULL);
    (void)pthread_mutex_destroy(&watch->lock);
    (void)pthread_cond_destroy(&watch->has_ended);
    (void)pthread_cond_destroy(&watch->has_looked);
    free(watch);
}

enum error hsm_watch_get(struct hsm_watch *watch, struct hsm_status *ret_status,
                         struct fault *fault)
{
    (void)pthread_mutex_lock(&watch->lock);
    struct fault seen = watch->fault;
    if (seen.code == ERR_OK)
        *ret_status = watch->status;
    (void)pthread_mutex_unlock(&watch->lock);
    if (seen.code != ERR_OK)
        *fault = seen;
    return seen.code;
}

enum error hsm_watch_show(struct hsm_watch *watch, struct hsm_status *ret_status,
                          struct fault *ret_fault)
{
    (void)pthread_mutex_lock(&watch->lock);
    *ret_status = watch->status;
    *ret_fault = watch->fault;
    (void)pthread_mutex_unlock(&watch->lock);
    return ret_fault->code;
}

size_t hsm_watch_weak_keys(struct hsm_watch *watch,
                           struct hsm_weak_key ret_weak_keys[HSM_WEAK_KEYS_MAX])
{
    (void)pthread_mutex_lock(&watch->lock);
    size_t count = watch->status.weak_key_count;
    memcpy(ret_weak_keys, watch->status.weak_keys, count * sizeof *ret_weak_keys);
    (void)pthread_mutex_unlock(&watch->lock);
    return count;
}

enum error hsm_watch_permits(struct hsm_watch *watch, struct fault *fault)
{
    (void)pthread_mutex_lock(&watch->lock);
    struct fault seen = watch->fault;
    (void)pthread_mutex_unlock(&watch->lock);
    if (seen.code != ERR_OK)
        *fault = seen;
    return seen.code;
}

void hsm_watch_note(struct hsm_watch *watch, const struct fault *fault)
{
    (void)pthread_mutex_lock(&watch->lock);
    /* What look() found out about a foreign HSM weighs more than one failed call. */
    if (watch->fault.code == ERR_OK)
        watch->fault = *fault;
    (void)pthread_mutex_unlock(&watch->lock);
}

void hsm_watch_refresh(struct hsm_watch *watch)
{
    look(watch);
}
