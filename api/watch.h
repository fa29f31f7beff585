/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The open connections, and until when each one must have got on.
 *
 * libmicrohttpd cuts off a client that is silent; one that sends a byte now and then, in the TLS
 * handshake, in the headers or in the body, it would keep for ever. So each connection has a
 * deadline that its bytes do not move, and who is past it is cut off: the socket is shut down,
 * which libmicrohttpd sees as the client's leaving. Who reads an answer has as long as it takes,
 * but must take so many bytes within each pace.
 *
 * Threads: safe from any thread. An entry is embedded in what belongs to its connection; it is
 * added once and removed before the socket is closed.
 */
#ifndef API_WATCH_H
#define API_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"

#define WATCH_NEVER INT64_MAX /* a deadline that does not come: the vault has its own */

struct watch_entry {
    struct watch_entry *next; /* both guarded by the watch's lock */
    struct watch_entry **back;
    int socket;
    atomic_int_fast64_t deadline;
    atomic_bool is_reading; /* an answer: past the deadline it is asked what it has taken */
    atomic_bool is_marked;
    uint64_t mark; /* the sweep's: bytes that it had taken then */
};

struct watch {
    atomic_int_fast64_t pace_ms; /* a reader takes pace_bytes in that time, or is cut off at the
                                    end of it */
    atomic_uint_fast64_t pace_bytes;
    pthread_mutex_t lock;
    struct watch_entry *first;      /* guarded by lock */
    atomic_uint_fast64_t connected; /* entries now */
    atomic_uint_fast64_t cut_off;   /* since the start */
};

void watch_init(struct watch *watch, int64_t pace_ms, uint64_t bytes_per_s);
/* Another pace for whoever begins to read from now on. */
void watch_set_pace(struct watch *watch, int64_t pace_ms, uint64_t bytes_per_s);
/* When no entry is left. */
void watch_clear(struct watch *watch);

void watch_add(struct watch *watch, struct watch_entry *entry, int socket, deadline_ms deadline);
/* An entry that was never added is allowed. */
void watch_remove(struct watch *watch, struct watch_entry *entry);
void watch_set(struct watch_entry *entry, deadline_ms deadline);
/* The client has an answer to read. What it does not take it is cut off for in the second pace. */
void watch_reader(const struct watch *watch, struct watch_entry *entry);

/* Cuts off who is past its deadline at that time; each one once. */
void watch_sweep(struct watch *watch, int64_t now_ms);

#endif
