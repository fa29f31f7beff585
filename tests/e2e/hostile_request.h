/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One hostile request after the other: a route and a body as a station would send them, then what
 * a broken, clumsy or malicious one makes of them. The same dice give the same request. Threads:
 * the world is read only; a request belongs to one thread.
 */
#ifndef TESTS_E2E_HOSTILE_REQUEST_H
#define TESTS_E2E_HOSTILE_REQUEST_H

#include <stdbool.h>

#include "bench/stations.h"
#include "e2e/hostile_routes.h"
#include "e2e/hostile_text.h"

/* What a path's parameter may be, beside nonsense. */
struct hostile_value {
    const char *name; /* "{product}" */
    char value[RIG_VALUE_MAX];
};

#define HOSTILE_VALUES_MAX 16

struct hostile_world {
    struct hostile_route routes[HOSTILE_ROUTES_MAX];
    size_t route_count;
    struct hostile_value values[HOSTILE_VALUES_MAX]; /* ends with an empty name */
    const struct devices *devices;
};

/* How the bytes travel. */
enum hostile_way {
    HOSTILE_WHOLE,       /* at once, and an answer is waited for */
    HOSTILE_TRUNCATED,   /* a part; then the connection ends */
    HOSTILE_STALLED,     /* a part; then silence */
    HOSTILE_SLOW,        /* in small pieces with pauses */
    HOSTILE_BROKEN_TLS,  /* a part; then bytes that are no TLS record */
    HOSTILE_CLEAR,       /* without TLS, to the TLS port */
    HOSTILE_TLS_GARBAGE, /* something like the first message of a handshake */
    HOSTILE_SILENT,      /* connected, and nothing said */
};

struct hostile_request {
    struct text bytes;
    enum hostile_way way;
    size_t cut;        /* how many bytes leave before it is truncated, stalls or breaks */
    bool is_untouched; /* a good request, sent well: it must have an answer */
    bool is_complete;  /* nothing was done to its head or to the number of its bytes */
};

void hostile_request_make(const struct hostile_world *world, struct dice *dice,
                          struct hostile_request *ret_request);
void hostile_request_clear(struct hostile_request *request);

#endif
