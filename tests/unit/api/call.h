/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A station's HTTPS calls with libcurl, one at a time or many at once.
 *
 * All options have usable defaults at zero. An answer's status 0 means that there was none.
 * Threads: one per call.
 */
#ifndef TESTS_UNIT_API_CALL_H
#define TESTS_UNIT_API_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define CALL_HEADERS_MAX 4
#define CALL_MANY_MAX    256

struct call {
    const char *method; /* NULL: POST with a body, else GET */
    const char *path;
    const char *body;   /* NULL: none */
    size_t body_length; /* 0: the text's */
    const char *client; /* a name of front.h; NULL: "station"; "": no certificate */
    const char *headers[CALL_HEADERS_MAX]; /* "Name: value" */
    bool is_chunked;
    bool has_no_media_type;
    const char *media_type; /* NULL: application/json */
    size_t piece;           /* the body is sent in pieces of so many bytes, slowly; 0: at once */
    long tls;               /* CURLOPT_SSLVERSION; 0: any */
    const char *address;    /* of this host, to come from; NULL: any */
    const char *ciphers;    /* OpenSSL's name of a TLS 1.2 suite; NULL: any */
};

struct answer {
    long status;
    char *headers;
    size_t headers_length;
    char *body;
    size_t length;
    json_t *json; /* the body when it is JSON */
};

void call_send(const struct call *call, struct answer *ret_answer);
void answer_clear(struct answer *answer);

/* Sends and keeps the status alone. */
long call_status(const struct call *call);
/* The license request that obeys vault_peer.h; the text is static. */
const char *call_license_body(const char *product);
/* POST /v1/licenses for product. */
void call_license(const char *product, struct answer *ret_answer);

/* A header's value, "" when absent; valid until the next use. */
const char *answer_header(const struct answer *answer, const char *name);
/* A text member, "" when absent. */
const char *answer_text(const struct answer *answer, const char *member);
/* Fails the test unless the answer is the problem of that name with that status. */
void answer_expect_problem(const struct answer *answer, long status, const char *name);

/* One connection that is kept between calls. */
struct kept;
struct kept *kept_open(const char *path);
/* GET once more. */
void kept_send(struct kept *kept, struct answer *ret_answer);
void kept_close(struct kept *kept);

/* count equal calls under way at the same time. */
struct calls;
struct calls *calls_start(const struct call *call, size_t count);
/* Moves bytes for a moment. Returns how many calls are unfinished. */
size_t calls_pump(struct calls *calls);
/* How many ended with that status. */
size_t calls_count(struct calls *calls, long status);
/* Drops connections that are still open. */
void calls_free(struct calls *calls);

#endif
