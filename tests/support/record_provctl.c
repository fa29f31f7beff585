/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Loaded before libcurl into every program that an end-to-end test starts: what provctl sends and
 * gets is kept for the judge of the contract (rig/exchange.h), and provctl knows nothing of it. In
 * other programs it does nothing. Threads: provctl makes one transfer at a time.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "core/bytes.h"
#include "rig/exchange.h"

#define LINE_WORD_MAX 2048

struct buffer {
    char *data;
    size_t length;
};

struct record {
    struct buffer sent_head;
    struct buffer sent_body;
    struct buffer head;
    struct buffer body;
};

static void add(struct buffer *buffer, const char *data, size_t length)
{
    char *longer = realloc(buffer->data, buffer->length + length + 1);
    if (longer == NULL)
        abort();
    memcpy(longer + buffer->length, data, length);
    buffer->data = longer;
    buffer->length += length;
    longer[buffer->length] = '\0';
}

static int note(CURL *curl, curl_infotype type, char *data, size_t length, void *context)
{
    struct record *record = context;
    (void)curl;
    if (type == CURLINFO_HEADER_OUT)
        add(&record->sent_head, data, length);
    else if (type == CURLINFO_DATA_OUT)
        add(&record->sent_body, data, length);
    else if (type == CURLINFO_HEADER_IN)
        add(&record->head, data, length);
    else if (type == CURLINFO_DATA_IN)
        add(&record->body, data, length);
    return 0;
}

/* Only JSON is compared with its schema: another body is left out. */
static bool is_json(const struct record *record)
{
    return strcasestr(record->sent_head.data, "\r\nContent-Type: application/json\r\n") != NULL;
}

static void keep(const struct record *record, long status)
{
    char method[LINE_WORD_MAX];
    char path[LINE_WORD_MAX];
    if (record->sent_head.data == NULL || record->head.data == NULL ||
        sscanf(record->sent_head.data, "%2047s %2047s", method, path) != 2)
        return;
    struct exchange exchange = {
        .method = method,
        .path = path,
        .status = status,
        .headers = bytes_of(record->head.data, record->head.length),
        .body = bytes_of(record->body.data != NULL ? record->body.data : "", record->body.length),
        .length = (int64_t)record->body.length,
    };
    if (record->sent_body.data != NULL && is_json(record))
        exchange.request = bytes_of(record->sent_body.data, record->sent_body.length);
    if (!exchange_keep(&exchange))
        abort();
}

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL)
        abort();
    return function;
}

static CURLcode perform_kept(CURL *curl, CURLcode (*perform)(CURL *))
{
    struct record record = {0};
    CURLcode (*set)(CURL *, CURLoption, ...) = next("curl_easy_setopt");
    CURLcode (*get)(CURL *, CURLINFO, ...) = next("curl_easy_getinfo");
    long status = 0;
    (void)set(curl, CURLOPT_DEBUGFUNCTION, note);
    (void)set(curl, CURLOPT_DEBUGDATA, &record);
    (void)set(curl, CURLOPT_VERBOSE, 1L);
    CURLcode result = perform(curl);
    (void)set(curl, CURLOPT_VERBOSE, 0L);
    if (result == CURLE_OK && get(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
        keep(&record, status);
    free(record.sent_head.data);
    free(record.sent_body.data);
    free(record.head.data);
    free(record.body.data);
    return result;
}

CURLcode curl_easy_perform(CURL *curl)
{
    CURLcode (*perform)(CURL *) = next("curl_easy_perform");
    if (strcmp(program_invocation_short_name, "provctl") != 0 ||
        getenv("PROVISIOND_EXCHANGES") == NULL)
        return perform(curl);
    return perform_kept(curl, perform);
}
