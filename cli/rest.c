/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTPS through libcurl: the set-up, and the loops that repeat attempts. One attempt is a struct
 * exchange (cli/rest_exchange.h).
 */
#include "cli/rest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/certificate.h"
#include "cli/rest_exchange.h"
#include "cli/rest_retry.h"

#define CONNECT_TIMEOUT_MS 5000L
#define ATTEMPT_TIMEOUT_MS 15000L /* longer than provisiond waits for the vault */
#define STALL_S            30L    /* a download this long without a byte is lost */
#define HEADER_MAX         128
#define PATH_MAX_BYTES     2048

/* ---- set-up ---- */

static enum error check_files(const struct rest_options *options, struct failure *failure)
{
    const struct {
        const char *option;
        const char *path;
    } files[] = {{"--ca", options->ca}, {"--cert", options->certificate}, {"--key", options->key}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (access(files[i].path, R_OK) != 0)
            return failure_set_plain(failure, ERR_CONFIG, "%s %s cannot be read: %s",
                                     files[i].option, files[i].path, strerror(errno));
    }
    if (certificate_file_cannot_sign(options->certificate))
        return failure_set_plain(failure, ERR_CONFIG,
                                 "Nobody can connect with the certificate %s: its key usage is "
                                 "without digitalSignature. Have it issued anew with it",
                                 options->certificate);
    return ERR_OK;
}

/* Nothing may stand behind host and port: the paths of the API are ours. */
static enum error check_options(const struct rest_options *options, struct failure *failure)
{
    static const char scheme[] = "https://";
    const size_t length = sizeof scheme - 1;
    if (strncmp(options->url, scheme, length) != 0 || strlen(options->url) >= REST_URL_MAX)
        return failure_set_usage(failure, "The address %s does not begin with https://",
                                 options->url);
    const char *end = options->url + length + strcspn(options->url + length, "/?#");
    if (end[strspn(end, "/")] != '\0')
        return failure_set_usage(failure,
                                 "The address %s has a path or a query. Give https://HOST[:PORT] "
                                 "alone",
                                 options->url);
    return check_files(options, failure);
}

/* Only the given CA is trusted: without the empty CAPATH libcurl would add the system's own. */
static bool set_tls(CURL *curl, const struct rest_options *options)
{
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLCERT, options->certificate) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLKEY, options->key) == CURLE_OK &&
           /* An encrypted key must fail, not stop the line with a question. */
           curl_easy_setopt(curl, CURLOPT_KEYPASSWD, "") == CURLE_OK;
}

static bool set_transport(struct rest *rest)
{
    CURL *curl = rest->curl;
    return curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "provctl") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, rest->headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, rest->problem) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, rest_take_bytes) == CURLE_OK;
}

static struct curl_slist *make_headers(void)
{
    static const char *const lines[] = {"Content-Type: application/json", "Expect:"};
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct curl_slist *longer = curl_slist_append(headers, lines[i]);
        if (longer == NULL) {
            curl_slist_free_all(headers);
            return NULL;
        }
        headers = longer;
    }
    return headers;
}

enum error rest_new(const struct rest_options *options, struct rest **ret_rest,
                    struct failure *failure)
{
    enum error e = check_options(options, failure);
    if (e != ERR_OK)
        return e;
    struct rest *rest = calloc(1, sizeof *rest);
    if (rest == NULL)
        return failure_set_memory(failure);
    rest->options = *options;
    (void)snprintf(rest->url, sizeof rest->url, "%s", options->url);
    for (size_t end = strlen(rest->url); end > 0 && rest->url[end - 1] == '/'; end--)
        rest->url[end - 1] = '\0';
    rest->headers = make_headers();
    rest->curl = curl_easy_init();
    if (rest->headers == NULL || rest->curl == NULL || !set_tls(rest->curl, options) ||
        !set_transport(rest)) {
        rest_free(&rest);
        return failure_set_plain(failure, ERR_INTERNAL, "libcurl cannot be set up for HTTPS");
    }
    *ret_rest = rest;
    return ERR_OK;
}

void rest_free(struct rest **rest)
{
    if (*rest == NULL)
        return;
    curl_easy_cleanup((*rest)->curl);
    curl_slist_free_all((*rest)->headers);
    free(*rest);
    *rest = NULL;
}

/* ---- attempts ---- */

static bool set_request(struct rest *rest, const char *path, const char *body)
{
    char url[REST_URL_MAX + PATH_MAX_BYTES];
    int n = snprintf(url, sizeof url, "%s%s", rest->url, path);
    CURLcode method = body != NULL ? curl_easy_setopt(rest->curl, CURLOPT_COPYPOSTFIELDS, body)
                                   : curl_easy_setopt(rest->curl, CURLOPT_HTTPGET, 1L);
    return n > 0 && n < (int)sizeof url && method == CURLE_OK &&
           curl_easy_setopt(rest->curl, CURLOPT_URL, url) == CURLE_OK;
}

static long attempt_timeout_ms(const struct rest_retry *retry)
{
    long left = deadline_left_ms(retry->deadline);
    if (left < 1)
        left = 1; /* libcurl takes 0 for "none" */
    return left < ATTEMPT_TIMEOUT_MS ? left : ATTEMPT_TIMEOUT_MS;
}

static bool may_repeat(const struct rest *rest, bool is_retryable)
{
    return is_retryable && !rest->options.is_single;
}

/* Sends what was set until there is an answer or the time is up. */
static enum error exchange_until_answered(struct rest *rest, struct rest_answer *ret_answer,
                                          struct failure *failure)
{
    struct exchange exchange = {.rest = rest, .file = -1};
    struct rest_retry retry = rest_retry_start(rest->options.timeout_s * 1000);
    bool is_retryable = true;
    enum error e = ERR_OK;
    exchange.body = malloc(REST_ANSWER_MAX_BYTES + 1);
    if (exchange.body == NULL)
        return failure_set_memory(failure);
    do {
        (void)curl_easy_setopt(rest->curl, CURLOPT_TIMEOUT_MS, attempt_timeout_ms(&retry));
        e = rest_judge(&exchange, rest_perform(&exchange), &is_retryable, failure);
    } while (e != ERR_OK && may_repeat(rest, is_retryable) &&
             rest_retry_wait(&retry, rest_retry_after_of(rest)));
    if (e != ERR_OK) {
        free(exchange.body);
        return e;
    }
    *ret_answer = (struct rest_answer){
        .status = rest_status_of(rest), .body = exchange.body, .length = exchange.length};
    return ERR_OK;
}

enum error rest_ask(struct rest *rest, const char *path, const char *body,
                    struct rest_answer *ret_answer, struct failure *failure)
{
    if (!set_request(rest, path, body))
        return failure_set_memory(failure);
    return exchange_until_answered(rest, ret_answer, failure);
}

enum error rest_probe(struct rest *rest, const char *path, struct rest_answer *ret_answer,
                      struct failure *failure)
{
    struct exchange exchange = {.rest = rest, .file = -1};
    const struct rest_retry once = rest_retry_start(rest->options.timeout_s * 1000);
    bool is_retryable = false;
    exchange.body = malloc(REST_ANSWER_MAX_BYTES + 1);
    if (exchange.body == NULL || !set_request(rest, path, NULL)) {
        free(exchange.body);
        return failure_set_memory(failure);
    }
    (void)curl_easy_setopt(rest->curl, CURLOPT_TIMEOUT_MS, attempt_timeout_ms(&once));
    CURLcode code = rest_perform(&exchange);
    if (code != CURLE_OK || exchange.is_too_large) {
        enum error e = rest_judge(&exchange, code, &is_retryable, failure);
        free(exchange.body);
        return e;
    }
    *ret_answer = (struct rest_answer){
        .status = rest_status_of(rest), .body = exchange.body, .length = exchange.length};
    return ERR_OK;
}

/* The client's headers, with another media type; the client keeps its own afterwards. */
static struct curl_slist *headers_for(const char *media_type)
{
    char line[HEADER_MAX];
    (void)snprintf(line, sizeof line, "Content-Type: %s", media_type);
    struct curl_slist *headers = curl_slist_append(NULL, line);
    struct curl_slist *longer =
        headers != NULL ? curl_slist_append(headers, "Accept: application/json") : NULL;
    if (longer == NULL)
        curl_slist_free_all(headers);
    return longer;
}

enum error rest_post(struct rest *rest, const char *path, const struct rest_body *body,
                     struct rest_answer *ret_answer, struct failure *failure)
{
    struct curl_slist *headers = headers_for(body->media_type);
    bool is_set = headers != NULL && set_request(rest, path, "") &&
                  curl_easy_setopt(rest->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                                   (curl_off_t)body->data.length) == CURLE_OK &&
                  curl_easy_setopt(rest->curl, CURLOPT_POSTFIELDS, body->data.data) == CURLE_OK &&
                  curl_easy_setopt(rest->curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
    enum error e =
        is_set ? exchange_until_answered(rest, ret_answer, failure) : failure_set_memory(failure);
    (void)curl_easy_setopt(rest->curl, CURLOPT_HTTPHEADER, rest->headers);
    (void)curl_easy_setopt(rest->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)-1);
    curl_slist_free_all(headers);
    return e;
}

static bool set_range(struct rest *rest, int64_t offset)
{
    char range[32];
    (void)snprintf(range, sizeof range, "%" PRId64 "-", offset);
    return curl_easy_setopt(rest->curl, CURLOPT_RANGE, offset > 0 ? range : NULL) == CURLE_OK;
}

/* One attempt to get the rest of the content. A file that already has all of it answers 416. */
static enum error download_once(struct exchange *exchange, bool *ret_retryable,
                                struct failure *failure)
{
    exchange->offset = lseek(exchange->file, 0, SEEK_END);
    exchange->file_length = exchange->offset;
    exchange->is_begun = false;
    if (exchange->offset < 0 || !set_range(exchange->rest, exchange->offset))
        return failure_set_plain(failure, ERR_CONFIG, "The output file cannot be written: %s",
                                 strerror(errno));
    enum error e = rest_judge(exchange, rest_perform(exchange), ret_retryable, failure);
    bool is_complete = e == ERR_RANGE && exchange->offset > 0;
    return is_complete ? ERR_OK : e;
}

enum error rest_download(struct rest *rest, const char *path, int fd, struct failure *failure)
{
    struct exchange exchange = {.rest = rest, .file = fd};
    struct rest_retry retry = rest_retry_start(rest->options.timeout_s * 1000);
    bool is_retryable = false;
    enum error e = ERR_OK;
    exchange.body = malloc(REST_ANSWER_MAX_BYTES + 1);
    if (exchange.body == NULL || !set_request(rest, path, NULL)) {
        free(exchange.body);
        return failure_set_memory(failure);
    }
    (void)curl_easy_setopt(rest->curl, CURLOPT_TIMEOUT_MS, 0L);
    (void)curl_easy_setopt(rest->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(rest->curl, CURLOPT_LOW_SPEED_TIME, STALL_S);
    do {
        e = download_once(&exchange, &is_retryable, failure);
        if (exchange.file_length > exchange.offset)
            rest_retry_renew(&retry);
    } while (e != ERR_OK && may_repeat(rest, is_retryable) &&
             rest_retry_wait(&retry, rest_retry_after_of(rest)));
    (void)curl_easy_setopt(rest->curl, CURLOPT_RANGE, NULL);
    (void)curl_easy_setopt(rest->curl, CURLOPT_LOW_SPEED_TIME, 0L);
    free(exchange.body);
    return e;
}
