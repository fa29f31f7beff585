/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How much one caller may ask: so many requests a second in the long run, a burst at once, and so
 * many under way. A caller is a principal with all of its keys, as far as it is known whose a key
 * is (rate_learn); until then, or when the table had to forget it, the key alone.
 *
 * The bucket of a caller is one number: the time when it will have paid off what it asked for. Each
 * request moves that time by 1 s / requests_per_second; it may lie at most `burst` requests ahead
 * of now. A caller is forgotten when its time has passed and nothing of it is under way, and not
 * before: whoever presses on others' places in the table wins nothing back. The table is bounded;
 * where a caller lies in it depends on a secret of this process.
 *
 * Threads: safe from any thread. Times are clock_monotonic_us().
 */
#ifndef API_RATE_H
#define API_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

struct rate;

struct rate_options {
    unsigned requests_per_second; /* 1 to 1000000 */
    unsigned burst;               /* at least 1 */
    unsigned under_way_max;       /* at least 1 */
};

enum error rate_new(const struct rate_options *options, struct rate **ret_rate) MUST_USE;
/* NULL is allowed. */
void rate_free(struct rate *rate);
/* Other limits from now on; what a caller owes it owes still, in time. */
void rate_set_options(struct rate *rate, const struct rate_options *options);

/* Set when a request is refused. */
struct rate_refusal {
    unsigned retry_after_s; /* ERR_RATE_LIMITED: when it may, rounded up; else 0 */
    bool is_repeated;       /* the caller was refused within the last second before: no news */
};

/*
 * One request with that key begins; with ERR_OK rate_leave must follow, with *ret_caller: the
 * principal, or the key. ERR_RATE_LIMITED; ERR_BUSY ("caller-busy") when enough is under way
 * already.
 */
enum error rate_enter(struct rate *rate, const struct sha256 *key, int64_t now_us,
                      struct sha256 *ret_caller, struct rate_refusal *ret_refusal,
                      struct fault *fault) MUST_USE;

/*
 * Whose that key is, from now on; NULL: nobody's. What the key owed by itself, its principal owes.
 */
void rate_learn(struct rate *rate, const struct sha256 *key, const struct sha256 *principal,
                int64_t now_us);

/*
 * count more requests, which are in the one that has entered and has paid for so many until now (1
 * or more). More than a whole burst is taken from a caller that owes nothing else, and then owed.
 * ERR_RATE_LIMITED as above, with nothing taken.
 */
enum error rate_take(struct rate *rate, const struct sha256 *caller, unsigned count, unsigned paid,
                     int64_t now_us, struct rate_refusal *ret_refusal,
                     struct fault *fault) MUST_USE;

void rate_leave(struct rate *rate, const struct sha256 *caller);

/* Refusals so far. */
struct rate_refusals {
    uint64_t limited;
    uint64_t busy;
};
struct rate_refusals rate_refusals(struct rate *rate);

#endif
