/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which handler answers which method and path.
 *
 * A pattern has at most one {segment}, which takes one non-empty path segment; its percent escapes
 * are decoded and must give visible ASCII. A GET route serves HEAD too. Threads: pure functions
 * over one constant table.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

#define ROUTE_SEGMENT_SIZE 97 /* bytes of a taken segment, with NUL; a digest has 71 */
#define ROUTE_ALLOW_SIZE   64

struct handler; /* api/handler.h */

struct route {
    const char *method; /* "GET" or "POST" */
    const char *pattern;
    const struct handler *handler;
    bool is_public; /* answers without a client certificate */
    bool has_body;  /* takes a JSON body */
};

struct route_match {
    const struct route *route;
    char segment[ROUTE_SEGMENT_SIZE]; /* what {…} took; "" when there is none */
    char allow[ROUTE_ALLOW_SIZE];     /* with ERR_METHOD_NOT_ALLOWED: the methods that exist */
};

/*
 * Finds the route of method and path (as sent, without query). ERR_ROUTE_UNKNOWN, or
 * ERR_METHOD_NOT_ALLOWED with allow; route is NULL then.
 */
enum error route_find(const char *method, const char *path, struct route_match *ret_match,
                      struct fault *fault) MUST_USE;

/* The table, for tests. */
const struct route *route_table(size_t *ret_count);

#endif
