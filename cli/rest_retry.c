/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Pauses between attempts. Owns no state. */
#include "cli/rest_retry.h"

#include <time.h>

#include "cli/rest.h"
#include "core/bytes.h"

struct rest_retry rest_retry_start(int64_t timeout_ms)
{
    return (struct rest_retry){.deadline = deadline_in(timeout_ms),
                               .timeout_ms = timeout_ms,
                               .pause_ms = REST_RETRY_PAUSE_MIN_MS};
}

void rest_retry_renew(struct rest_retry *retry)
{
    *retry = rest_retry_start(retry->timeout_ms);
}

/* Stations that lost the same server must not come back in step. */
static int64_t jitter_ms(int64_t pause_ms)
{
    uint16_t noise = 0;
    random_fill(&noise, sizeof noise);
    return pause_ms / 2 * noise / UINT16_MAX;
}

int64_t rest_retry_next_pause_ms(struct rest_retry *retry, int64_t retry_after_s)
{
    int64_t pause = retry->pause_ms + jitter_ms(retry->pause_ms);
    if (retry_after_s > REST_RETRY_AFTER_MAX_S)
        retry_after_s = REST_RETRY_AFTER_MAX_S;
    if (retry_after_s * 1000 > retry->pause_ms)
        pause = retry_after_s * 1000 + jitter_ms(retry->pause_ms);
    retry->pause_ms *= 2;
    if (retry->pause_ms > REST_RETRY_PAUSE_MAX_MS)
        retry->pause_ms = REST_RETRY_PAUSE_MAX_MS;
    return pause < deadline_left_ms(retry->deadline) ? pause : -1;
}

bool rest_retry_wait(struct rest_retry *retry, int64_t retry_after_s)
{
    int64_t pause = rest_retry_next_pause_ms(retry, retry_after_s);
    if (pause < 0)
        return false;
    const struct timespec rest = {.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000};
    (void)nanosleep(&rest, NULL);
    return true;
}
