/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A table of sets of a few places each, under one lock. Nothing in it takes longer than one set. */
#include "api/rate.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RATE_SETS      4096 /* a power of two */
#define RATE_PLACES    8
#define RATE_SEED_SIZE 32
#define NS_PER_S       1000000000LL
#define NS_PER_US      1000LL

static_assert((RATE_SETS & (RATE_SETS - 1)) == 0, "a set is chosen by the low bits of a hash");

struct place {
    struct sha256 caller;
    int64_t paid_ns; /* when all that it asked for is paid off; 0: a place that was never used */
    int64_t told_ns; /* when a refusal was news the last time */
    unsigned under_way;
    bool is_owned;           /* a key, and it is known whose */
    struct sha256 principal; /* whose */
};

struct rate {
    uint8_t seed[RATE_SEED_SIZE];
    pthread_mutex_t lock; /* guards what follows */
    int64_t cost_ns;      /* of one request */
    int64_t ahead_ns;
    unsigned under_way_max;
    struct place places[RATE_SETS][RATE_PLACES];
    struct rate_refusals refusals;
};

enum error rate_new(const struct rate_options *options, struct rate **ret_rate)
{
    struct rate *rate = calloc(1, sizeof *rate);
    if (rate == NULL)
        return ERR_INTERNAL;
    random_fill(rate->seed, sizeof rate->seed);
    (void)pthread_mutex_init(&rate->lock, NULL);
    rate_set_options(rate, options);
    *ret_rate = rate;
    return ERR_OK;
}

void rate_set_options(struct rate *rate, const struct rate_options *options)
{
    (void)pthread_mutex_lock(&rate->lock);
    rate->cost_ns = NS_PER_S / options->requests_per_second;
    rate->ahead_ns = rate->cost_ns * options->burst;
    rate->under_way_max = options->under_way_max;
    (void)pthread_mutex_unlock(&rate->lock);
}

void rate_free(struct rate *rate)
{
    if (rate == NULL)
        return;
    (void)pthread_mutex_destroy(&rate->lock);
    free(rate);
}

/* ---- the table ---- */

static struct place *set_of(struct rate *rate, const struct sha256 *caller)
{
    uint8_t text[RATE_SEED_SIZE + SHA256_SIZE];
    uint32_t number;
    memcpy(text, rate->seed, RATE_SEED_SIZE);
    memcpy(text + RATE_SEED_SIZE, caller->bytes, SHA256_SIZE);
    struct sha256 hash = sha256_of(bytes_of(text, sizeof text));
    memcpy(&number, hash.bytes, sizeof number);
    return rate->places[number & (RATE_SETS - 1)];
}

static struct place *find(struct place *set, const struct sha256 *caller)
{
    for (size_t i = 0; i < RATE_PLACES; i++) {
        if (set[i].paid_ns != 0 && sha256_equal(&set[i].caller, caller))
            return &set[i];
    }
    return NULL;
}

/*
 * A place whose caller owes nothing says nothing that a new one would not, but perhaps whose a key
 * is: such a one goes last. NULL: there is none.
 */
static struct place *settle(struct place *set, const struct sha256 *caller, int64_t now_ns)
{
    struct place *best = NULL;
    for (size_t i = 0; i < RATE_PLACES; i++) {
        if (set[i].under_way > 0 || set[i].paid_ns > now_ns)
            continue;
        if (best == NULL || (best->is_owned && !set[i].is_owned))
            best = &set[i];
    }
    if (best != NULL)
        *best = (struct place){.caller = *caller, .paid_ns = now_ns};
    return best;
}

/* The caller's place, or a new one; NULL: the set is full of callers that owe. */
static struct place *place_of(struct rate *rate, const struct sha256 *caller, int64_t now_ns)
{
    struct place *set = set_of(rate, caller);
    struct place *place = find(set, caller);
    return place != NULL ? place : settle(set, caller, now_ns);
}

/* Whose the key is; the key itself while that is not known. */
static struct sha256 caller_of(struct rate *rate, const struct sha256 *key)
{
    const struct place *place = find(set_of(rate, key), key);
    return place != NULL && place->is_owned ? place->principal : *key;
}

/* Debts move to the principal; what the key has under way leaves it by itself. */
static void move_debt(struct rate *rate, struct place *from, int64_t now_ns)
{
    int64_t owed_ns = from->paid_ns - now_ns;
    struct place *to = place_of(rate, &from->principal, now_ns);
    if (to == NULL || owed_ns <= 0)
        return;
    to->paid_ns = (to->paid_ns > now_ns ? to->paid_ns : now_ns) + owed_ns;
    from->paid_ns = now_ns;
}

static void learn(struct rate *rate, const struct sha256 *key, const struct sha256 *principal,
                  int64_t now_ns)
{
    struct place *place =
        principal != NULL ? place_of(rate, key, now_ns) : find(set_of(rate, key), key);
    if (place == NULL)
        return;
    bool is_news =
        principal != NULL && (!place->is_owned || !sha256_equal(&place->principal, principal));
    place->is_owned = principal != NULL;
    if (!is_news)
        return;
    place->principal = *principal;
    move_debt(rate, place, now_ns);
}

void rate_learn(struct rate *rate, const struct sha256 *key, const struct sha256 *principal,
                int64_t now_us)
{
    (void)pthread_mutex_lock(&rate->lock);
    learn(rate, key, principal, now_us * NS_PER_US);
    (void)pthread_mutex_unlock(&rate->lock);
}

/* ---- asking ---- */

/* The first refusal of each second is news. */
static struct rate_refusal refusal_of(struct place *place, int64_t now_ns, int64_t wait_ns)
{
    bool is_repeated = place->told_ns != 0 && now_ns - place->told_ns < NS_PER_S;
    if (!is_repeated)
        place->told_ns = now_ns;
    return (struct rate_refusal){.retry_after_s = (unsigned)((wait_ns + NS_PER_S - 1) / NS_PER_S),
                                 .is_repeated = is_repeated};
}

/* own_ns: what the same request has been charged already. */
static enum error pay(struct rate *rate, struct place *place, int64_t price_ns, int64_t own_ns,
                      int64_t now_ns, struct rate_refusal *ret_refusal, struct fault *fault)
{
    int64_t owed_ns = place->paid_ns > now_ns ? place->paid_ns - now_ns : 0;
    int64_t surplus_ns = owed_ns + price_ns - rate->ahead_ns;
    if (surplus_ns <= 0 || owed_ns <= own_ns) {
        place->paid_ns = now_ns + owed_ns + price_ns;
        return ERR_OK;
    }
    /* What is larger than a burst waits until nothing is owed. */
    int64_t wait_ns = surplus_ns < owed_ns - own_ns ? surplus_ns : owed_ns - own_ns;
    *ret_refusal = refusal_of(place, now_ns, wait_ns);
    rate->refusals.limited++;
    return fault_set(fault, ERR_RATE_LIMITED, "rate-limited",
                     "This caller has sent more requests than it may.", 0);
}

static enum error enter(struct rate *rate, const struct sha256 *caller, int64_t now_ns,
                        struct rate_refusal *ret_refusal, struct fault *fault)
{
    struct place *place = place_of(rate, caller, now_ns);
    if (place == NULL) {
        rate->refusals.busy++;
        *ret_refusal = (struct rate_refusal){0};
        return fault_set(fault, ERR_BUSY, "many-callers", "Too many callers are at work at once.",
                         0);
    }
    if (place->under_way >= rate->under_way_max) {
        rate->refusals.busy++;
        *ret_refusal = refusal_of(place, now_ns, 0);
        return fault_set(fault, ERR_BUSY, "caller-busy",
                         "Too many requests of this caller are under way at once.", 0);
    }
    enum error e = pay(rate, place, rate->cost_ns, 0, now_ns, ret_refusal, fault);
    if (e == ERR_OK)
        place->under_way++;
    return e;
}

enum error rate_enter(struct rate *rate, const struct sha256 *key, int64_t now_us,
                      struct sha256 *ret_caller, struct rate_refusal *ret_refusal,
                      struct fault *fault)
{
    (void)pthread_mutex_lock(&rate->lock);
    struct sha256 caller = caller_of(rate, key);
    enum error e = enter(rate, &caller, now_us * NS_PER_US, ret_refusal, fault);
    (void)pthread_mutex_unlock(&rate->lock);
    if (e == ERR_OK)
        *ret_caller = caller;
    return e;
}

enum error rate_take(struct rate *rate, const struct sha256 *caller, unsigned count, unsigned paid,
                     int64_t now_us, struct rate_refusal *ret_refusal, struct fault *fault)
{
    (void)pthread_mutex_lock(&rate->lock);
    struct place *place = find(set_of(rate, caller), caller);
    assert(place != NULL && place->under_way > 0);
    enum error e = pay(rate, place, rate->cost_ns * count, rate->cost_ns * paid, now_us * NS_PER_US,
                       ret_refusal, fault);
    (void)pthread_mutex_unlock(&rate->lock);
    return e;
}

void rate_leave(struct rate *rate, const struct sha256 *caller)
{
    (void)pthread_mutex_lock(&rate->lock);
    struct place *place = find(set_of(rate, caller), caller);
    assert(place != NULL && place->under_way > 0);
    place->under_way--;
    (void)pthread_mutex_unlock(&rate->lock);
}

struct rate_refusals rate_refusals(struct rate *rate)
{
    (void)pthread_mutex_lock(&rate->lock);
    struct rate_refusals refusals = rate->refusals;
    (void)pthread_mutex_unlock(&rate->lock);
    return refusals;
}
