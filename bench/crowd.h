/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Many clients at once: each has a certificate and a connection of its own, which stays open
 * between its requests. No load tool of others gives each connection another client certificate.
 *
 *     struct crowd *crowd = crowd_new(url, ca_file, take, context);
 *     crowd_join(crowd, &member) ... crowd_send(crowd, 0, "/v1/self", NULL) ...
 *     while (crowd_busy(crowd) > 0)
 *         crowd_drive(crowd, 100);
 *     crowd_free(crowd);
 *
 * A request without an answer after CROWD_ANSWER_TIMEOUT_S counts as answered with status 0, so
 * that the loop ends. Out of memory ends the process. Threads: a crowd belongs to one thread.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CROWD_ANSWER_TIMEOUT_S 60
#define CROWD_MEMBERS_MAX      4096

struct crowd;

/* Texts are borrowed until crowd_free. */
struct crowd_member {
    const char *certificate; /* PEM; NULL: none, and no key */
    const char *key;         /* PEM */
    bool is_fresh;           /* a new connection for each request */
    unsigned address;        /* which loopback address it comes from: 0 to 62499 */
};

struct crowd_answer {
    size_t member;
    long status; /* 0: none */
    int64_t took_us;
    bool is_connection_new;
    const char *body;    /* text with a NUL; borrowed until crowd_take returns */
    const char *headers; /* as they came; the same */
};

/* Called from crowd_drive for each answer; may send that member's next request. */
typedef void crowd_take(void *context, const struct crowd_answer *answer);

struct crowd *crowd_new(const char *url, const char *ca_file, crowd_take *take, void *context);
/* Closes all connections. NULL is allowed. */
void crowd_free(struct crowd *crowd);

/* Members are numbered from 0 on. Connects nothing yet. */
void crowd_join(struct crowd *crowd, const struct crowd_member *member);
/* The member must wait for no answer. A body (JSON, borrowed until the answer) makes it a POST. */
void crowd_send(struct crowd *crowd, size_t member, const char *path, const char *body);
bool crowd_is_waiting(const struct crowd *crowd, size_t member);
/* How many members wait for an answer. */
size_t crowd_busy(const struct crowd *crowd);
/* Sends and receives for at most timeout_ms; returns early when something happened. */
void crowd_drive(struct crowd *crowd, int timeout_ms);
/* The same until that time of clock_monotonic_us, or a second at most: to the microsecond, where
 * the other one has milliseconds. */
void crowd_drive_until(struct crowd *crowd, int64_t until_us);

#endif
