/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the service answers to a station, strictly read: every byte may be hostile.
 *
 * A license counts only when each of its members is there and well formed. A refusal is reduced to
 * words of [a-z0-9-], which may be shown and compared. Threads: pure functions.
 */
#ifndef RIG_STATION_ANSWER_H
#define RIG_STATION_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define STATION_LICENSE_BYTES    136
#define STATION_INSTALL_ID_SIZE  41 /* "ins-", a UUID, NUL */
#define STATION_WORD_SIZE        40
#define STATION_ANSWER_MAX_BYTES ((size_t)64 * 1024)

struct station_license {
    char install_id[STATION_INSTALL_ID_SIZE];
    struct sha256 image;
    uint8_t license[STATION_LICENSE_BYTES];
    bool is_charged;
    bool is_repeat; /* not the first answer of this install */
    int64_t remaining;
};

struct station_problem {
    char name[STATION_WORD_SIZE];  /* what follows "/problems/", or "http-STATUS" */
    char check[STATION_WORD_SIZE]; /* which check of the device said no; "" when none */
    bool is_retryable;
};

struct station_usage {
    int64_t granted;
    int64_t charged;
    int64_t remaining;
    int64_t succeeded;
    int64_t failed;
    int64_t scrapped;
    int64_t unreported;
};

/* ERR_BAD_REQUEST: the answer is no license of profile st-sfi. */
enum error station_answer_license(struct bytes body, struct station_license *ret_license) MUST_USE;
/* Never fails: what cannot be read goes by the status alone. */
void station_answer_problem(long status, struct bytes body, struct station_problem *ret_problem);
/* ERR_BAD_REQUEST: the answer is no account. */
enum error station_answer_usage(struct bytes body, struct station_usage *ret_usage) MUST_USE;

/* True when text is 1 to STATION_WORD_SIZE - 1 characters of [a-z0-9-]. */
bool station_word_is_valid(const char *text);

#endif
