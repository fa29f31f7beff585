/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which handler answers which method and path.
 *
 * A pattern has at most one {segment}, which takes one non-empty path segment; its percent escapes
 * are decoded and must give visible ASCII. At the end of a pattern stands {+segments} for the rest
 * of the path: one or more segments with the slashes between them. A path that is written out in
 * the table is no segment of another pattern. A GET route serves HEAD too.
 * Threads: pure functions over one constant table.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

#define ROUTE_SEGMENT_SIZE 97 /* bytes of a taken segment, with NUL; a digest has 71 */
#define ROUTE_ALLOW_SIZE   64
#define ROUTE_TYPES_MAX    3

struct handler; /* api/handler.h */

/* A kind of body. */
struct route_body {
    const char *media_types[ROUTE_TYPES_MAX]; /* NULL: no further one */
    const char *media_detail;                 /* the sentence for another media type */
    size_t max;                               /* bytes */
    const char *max_detail;                   /* the sentence for more */
};

extern const struct route_body ROUTE_JSON;
extern const struct route_body ROUTE_BATCH;    /* JSON of many licenses */
extern const struct route_body ROUTE_FORM;     /* multipart/form-data */
extern const struct route_body ROUTE_DOCUMENT; /* what the maker signed */

struct route {
    const char *method; /* "GET" or "POST" */
    const char *pattern;
    const char *operation; /* the operationId of api/openapi.yaml */
    const struct handler *handler;
    bool is_public;                /* answers without a client certificate */
    const struct route_body *body; /* what it takes; NULL: no body */
};

struct route_match {
    const struct route *route;
    char segment[ROUTE_SEGMENT_SIZE]; /* what {…} or {+…} took; "" when there is none */
    char allow[ROUTE_ALLOW_SIZE];     /* with ERR_METHOD_NOT_ALLOWED: the methods that exist */
};

/*
 * Finds the route of method and path (as sent, without query). ERR_ROUTE_UNKNOWN, or
 * ERR_METHOD_NOT_ALLOWED with allow; route is NULL then.
 */
enum error route_find(const char *method, const char *path, struct route_match *ret_match,
                      struct fault *fault) MUST_USE;

/*
 * The next byte of a part of a URL, its percent escape decoded; moves *at behind it. -1 for a
 * malformed escape. *at is not at the end.
 */
int route_next_byte(const char **at);

/* The table, for tests. */
const struct route *route_table(size_t *ret_count);

#endif
