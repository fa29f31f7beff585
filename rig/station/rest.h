/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A station's questions to the service: HTTPS with its own certificate, one kept connection.
 *
 * A question is asked again, after growing pauses or the pause that Retry-After wants, while the
 * connection fails or the answer says "later"; how long altogether is an option. Whatever else the
 * service answers is an answer. Only the given CA is trusted, no proxy and no redirect is followed,
 * an answer has a size limit, and a stopping station asks no more.
 *
 * Order of calls: station_rest_new, questions, station_rest_free. libcurl is initialised by the
 * caller (curl_global_init) before any thread. Threads: one client belongs to one thread.
 */
#ifndef RIG_STATION_REST_H
#define RIG_STATION_REST_H

#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"
#include "rig/station/answer.h"

#define STATION_REST_RETRY_DEFAULT_MS 60000
#define STATION_IMAGE_MAX_BYTES       ((int64_t)64 * 1024 * 1024)

struct station_rest;

/* Every text is borrowed until station_rest_free. */
struct station_rest_options {
    const char *url; /* https://HOST[:PORT] */
    const char *ca;
    const char *certificate;
    const char *key;
    int64_t retry_ms; /* all attempts of one question */
};

struct station_rest_answer {
    long status;       /* 200 to 599 */
    struct bytes body; /* borrowed until the next question */
};

/* Never connects. ERR_CONFIG: the address has another form, or TLS cannot be set up. */
enum error station_rest_new(const struct station_rest_options *options,
                            struct station_rest **ret_rest, struct fault *fault) MUST_USE;
/* NULL is allowed. */
void station_rest_free(struct station_rest *rest);

/*
 * GETs path, or POSTs body when it is not NULL. ERR_OK is any final answer, refusals included.
 * ERR_VAULT_UNAVAILABLE: "unreachable" or "unavailable" until the time was up. ERR_CONFIG:
 * "tls-refused", the other side or our files are not trusted. ERR_TOO_LARGE: "answer-too-large".
 * ERR_TIMEOUT: "stopped", the station shall stop.
 */
enum error station_rest_ask(struct station_rest *rest, const char *path, const char *body,
                            struct station_rest_answer *ret_answer, struct fault *fault) MUST_USE;

/*
 * GETs the content of an image into fd, going on where the file ends (Range, If-Range), and begins
 * anew when the service sends all of it. The time counts from the last byte that arrived. The
 * content is not verified. Errors as above; ERR_IMAGE_UNKNOWN: "image-refused", the service
 * answered without content. ERR_CONFIG: "file-write".
 */
enum error station_rest_download(struct station_rest *rest, const struct sha256 *digest, int fd,
                                 struct fault *fault) MUST_USE;

#endif
