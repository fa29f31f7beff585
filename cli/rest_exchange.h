/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One attempt to get an answer, for cli/rest.c alone: what libcurl is told and what came of it.
 * Threads: belongs to the thread of its client.
 */
#ifndef CLI_REST_EXCHANGE_H
#define CLI_REST_EXCHANGE_H

#include <curl/curl.h>

#include "cli/rest.h"

#define REST_URL_MAX 2048

struct rest {
    struct rest_options options;
    char url[REST_URL_MAX]; /* without a slash at its end */
    CURL *curl;
    struct curl_slist *headers;
    char problem[CURL_ERROR_SIZE];
};

/* One attempt. */
struct exchange {
    struct rest *rest;
    char *body; /* REST_ANSWER_MAX_BYTES + 1 */
    size_t length;
    int file;            /* -1, or where a 200 or 206 goes */
    int64_t offset;      /* bytes in the file before this attempt */
    int64_t file_length; /* and now */
    bool is_begun;       /* the first bytes for the file were placed */
    bool is_too_large;
    bool is_file_broken;
    bool is_range_wrong;
    int native; /* errno of a broken file */
};

/* libcurl's callback: context is the exchange. */
size_t rest_take_bytes(char *data, size_t size, size_t count, void *context);
/* One attempt with what was set. */
CURLcode rest_perform(struct exchange *exchange);
/* What it means: ERR_OK for a status of 200 to 299. *ret_retryable: it may be repeated. */
enum error rest_judge(struct exchange *exchange, CURLcode code, bool *ret_retryable,
                      struct failure *failure) MUST_USE;

/* Of the last answer. */
long rest_status_of(const struct rest *rest);
/* Seconds that the server wants us to wait; 0 when it did not say. */
int64_t rest_retry_after_of(const struct rest *rest);

#endif
