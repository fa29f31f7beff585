/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Questions to provisiond: HTTPS with this station's certificate, repeated until the time is up.
 *
 * Every request of the API may be repeated without harm, so connection losses, time-outs and
 * answers that say "later" (429, 502, 503, 504, retryable problems) are asked again with growing
 * pauses, or after the pause that Retry-After wants. Only the given CA is trusted, no proxy and no
 * redirect is followed, and an answer has a size limit.
 *
 * Order of calls: rest_new, rest_ask or rest_download any number of times, rest_free.
 * Threads: one client belongs to one thread.
 */
#ifndef CLI_REST_H
#define CLI_REST_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/failure.h"
#include "core/bytes.h"

#define REST_ANSWER_MAX_BYTES  ((size_t)4 * 1024 * 1024) /* a batch of the largest licenses */
#define REST_TIMEOUT_DEFAULT_S 30
#define REST_TIMEOUT_MAX_S     3600
#define REST_RETRY_AFTER_MAX_S 30
#define REST_DOWNLOAD_MAX      (INT64_C(4097) * 1024 * 1024) /* the largest image, with room */

struct rest;

struct rest_options {
    const char *url; /* https://HOST[:PORT]; every text is borrowed until rest_free */
    const char *ca;
    const char *certificate;
    const char *key;
    int64_t timeout_s; /* for all attempts of one question */
    bool is_single;    /* one attempt, whatever becomes of it */
};

struct rest_answer {
    long status; /* 200 to 299, but of rest_probe */
    char *body;  /* ends in NUL, which length does not count */
    size_t length;
};

#define REST_AUTO __attribute__((cleanup(rest_free))) struct rest *

/* Checks the address and that the files can be read; never connects. */
enum error rest_new(const struct rest_options *options, struct rest **ret_rest,
                    struct failure *failure) MUST_USE;
/* For REST_AUTO. */
void rest_free(struct rest **rest);

/* GETs path, or POSTs body when it is not NULL. The caller frees ret_answer->body. */
enum error rest_ask(struct rest *rest, const char *path, const char *body,
                    struct rest_answer *ret_answer, struct failure *failure) MUST_USE;

/*
 * GETs path once and takes whatever answer there is: ret_answer->status may be any. For questions
 * about the server's own state. The caller frees ret_answer->body.
 */
enum error rest_probe(struct rest *rest, const char *path, struct rest_answer *ret_answer,
                      struct failure *failure) MUST_USE;

/* A body of another kind than JSON. */
struct rest_body {
    const char *media_type;
    struct bytes data;
};

/* POSTs body, which is borrowed. The caller frees ret_answer->body. */
enum error rest_post(struct rest *rest, const char *path, const struct rest_body *body,
                     struct rest_answer *ret_answer, struct failure *failure) MUST_USE;

/*
 * GETs path into fd from where it ends, and begins anew when the server wants it so. The time-out
 * counts from the last byte that arrived. ERR_OK: fd holds the whole content.
 */
enum error rest_download(struct rest *rest, const char *path, int fd,
                         struct failure *failure) MUST_USE;

#endif
