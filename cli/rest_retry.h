/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When to ask again, and after which pause. Knows no network: rest.c says how an attempt ended.
 * Threads: a value, owned by one thread.
 */
#ifndef CLI_REST_RETRY_H
#define CLI_REST_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"

#define REST_RETRY_PAUSE_MIN_MS 200
#define REST_RETRY_PAUSE_MAX_MS 5000

struct rest_retry {
    deadline_ms deadline;
    int64_t timeout_ms;
    int64_t pause_ms; /* before jitter, doubles up to the maximum */
};

struct rest_retry rest_retry_start(int64_t timeout_ms);
/* Something arrived: the time counts anew and the pauses begin short again. */
void rest_retry_renew(struct rest_retry *retry);
/*
 * The pause before the next attempt: the larger of ours and the server's retry_after_s (bounded, 0
 * for none), and jitter of up to a half of ours. Negative when it would not end before the
 * deadline.
 */
int64_t rest_retry_next_pause_ms(struct rest_retry *retry, int64_t retry_after_s);
/* Waits that pause. False, at once, when the time does not suffice. */
bool rest_retry_wait(struct rest_retry *retry, int64_t retry_after_s);

#endif
