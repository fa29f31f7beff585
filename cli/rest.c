/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTPS through libcurl. One attempt is a struct exchange: where bytes go, how it ended. The loops
 * that repeat attempts are in rest_ask and rest_download.
 */
#include "cli/rest.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "cli/problem.h"
#include "cli/rest_retry.h"

#define CONNECT_TIMEOUT_MS 5000L
#define ATTEMPT_TIMEOUT_MS 15000L /* longer than provisiond waits for the vault */
#define STALL_S            30L    /* a download this long without a byte is lost */
#define HEADER_MAX         128
#define URL_MAX            2048

struct rest {
    struct rest_options options;
    char url[URL_MAX]; /* without a slash at its end */
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
    return ERR_OK;
}

/* Nothing may stand behind host and port: the paths of the API are ours. */
static enum error check_options(const struct rest_options *options, struct failure *failure)
{
    static const char scheme[] = "https://";
    const size_t length = sizeof scheme - 1;
    if (strncmp(options->url, scheme, length) != 0 || strlen(options->url) >= URL_MAX)
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

static size_t take_bytes(char *data, size_t size, size_t count, void *context);

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
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes) == CURLE_OK;
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

/* ---- where bytes go ---- */

static long status_of(const struct rest *rest)
{
    long status = 0;
    (void)curl_easy_getinfo(rest->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* The first byte of "bytes FIRST-LAST/SIZE"; -1 when the header is missing or another thing. */
static int64_t range_begin(CURL *curl)
{
    static const char unit[] = "bytes ";
    struct curl_header *range = NULL;
    char *end = NULL;
    if (curl_easy_header(curl, "Content-Range", 0, CURLH_HEADER, -1, &range) != CURLHE_OK ||
        strncmp(range->value, unit, sizeof unit - 1) != 0)
        return -1;
    int64_t begin = strtoll(range->value + sizeof unit - 1, &end, 10);
    return *end == '-' ? begin : -1;
}

/* A 206 must continue exactly where the file ends; a 200 begins it anew. */
static bool begin_file(struct exchange *exchange, long status)
{
    exchange->is_begun = true;
    if (status == 206) {
        exchange->is_range_wrong = range_begin(exchange->rest->curl) != exchange->offset;
        return !exchange->is_range_wrong;
    }
    exchange->file_length = 0;
    exchange->is_file_broken =
        ftruncate(exchange->file, 0) != 0 || lseek(exchange->file, 0, SEEK_SET) != 0;
    exchange->native = errno;
    return !exchange->is_file_broken;
}

static size_t take_for_file(struct exchange *exchange, const char *data, size_t length)
{
    if (!exchange->is_begun && !begin_file(exchange, status_of(exchange->rest)))
        return 0;
    exchange->is_too_large = exchange->file_length + (int64_t)length > REST_DOWNLOAD_MAX;
    if (exchange->is_too_large)
        return 0;
    for (size_t done = 0; done < length;) {
        ssize_t n = write(exchange->file, data + done, length - done);
        if (n <= 0) {
            exchange->is_file_broken = true;
            exchange->native = errno;
            return 0;
        }
        done += (size_t)n;
        exchange->file_length += n;
    }
    return length;
}

static size_t take_bytes(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t length = size * count; /* libcurl: size is always 1 */
    long status = status_of(exchange->rest);
    if (exchange->file >= 0 && (status == 200 || status == 206))
        return take_for_file(exchange, data, length);
    exchange->is_too_large = length > REST_ANSWER_MAX_BYTES - exchange->length;
    if (exchange->is_too_large)
        return 0;
    memcpy(exchange->body + exchange->length, data, length);
    exchange->length += length;
    exchange->body[exchange->length] = '\0';
    return length;
}

/* ---- how an attempt ended ---- */

/* libcurl does not tell a name that does not exist from a name server that is away. */
static bool host_is_unknown(const char *url)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    struct addrinfo *found = NULL;
    int answer = EAI_AGAIN;
    if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        answer = getaddrinfo(host, NULL, NULL, &found);
    if (answer == 0)
        freeaddrinfo(found);
    curl_free(host);
    curl_url_cleanup(parts);
    return answer == EAI_NONAME;
}

static enum error fail_unreachable(const struct rest *rest, const char *words, bool *ret_retryable,
                                   struct failure *failure)
{
    *ret_retryable = true;
    return failure_set(failure, ERR_LINK_CLOSED, "%s cannot be reached: %s", rest->url, words);
}

/*
 * TLS 1.3 servers refuse a client certificate after the handshake, with an alert that libcurl
 * reports as a read error; OpenSSL's text is the only place where it can be told from a lost
 * connection.
 */
static bool is_certificate_refused(const struct rest *rest)
{
    return strstr(rest->problem, " alert ") != NULL &&
           (strstr(rest->problem, "certificate") != NULL ||
            strstr(rest->problem, "unknown ca") != NULL);
}

static enum error fail_transport(struct exchange *exchange, CURLcode code, bool *ret_retryable,
                                 struct failure *failure)
{
    const struct rest *rest = exchange->rest;
    const char *words = rest->problem[0] != '\0' ? rest->problem : curl_easy_strerror(code);
    *ret_retryable = false;
    if (is_certificate_refused(rest))
        return failure_set(failure, ERR_UNAUTHENTICATED, "The server refused the certificate %s",
                           rest->options.certificate);
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return failure_set_plain(failure, ERR_CONFIG,
                                 "%s does not prove itself by the CA in %s: %s. Check --url and "
                                 "--ca",
                                 rest->url, rest->options.ca, words);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return failure_set_plain(
            failure, ERR_CONFIG,
            "A TLS file cannot be used: %s. Check --ca, --cert and --key (not encrypted)", words);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return failure_set_usage(failure, "The address %s cannot be used: %s", rest->url, words);
    case CURLE_OPERATION_TIMEDOUT:
        *ret_retryable = true;
        return failure_set(failure, ERR_TIMEOUT, "%s did not answer in time", rest->url);
    case CURLE_COULDNT_RESOLVE_HOST:
        if (host_is_unknown(rest->url))
            return failure_set_plain(failure, ERR_CONFIG,
                                     "There is no host of the name in %s. Check --url", rest->url);
        return fail_unreachable(rest, words, ret_retryable, failure);
    default:
        return fail_unreachable(rest, words, ret_retryable, failure);
    }
}

static enum error fail_local(const struct exchange *exchange, bool *ret_retryable,
                             struct failure *failure)
{
    *ret_retryable = false;
    if (exchange->is_too_large)
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The server's answer is too large. Is %s really provisiond?",
                                 exchange->rest->url);
    if (exchange->is_range_wrong)
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The server sent another part of the content than was asked for");
    return failure_set_plain(failure, ERR_CONFIG, "The output file cannot be written: %s",
                             strerror(exchange->native));
}

static enum error judge(struct exchange *exchange, CURLcode code, bool *ret_retryable,
                        struct failure *failure)
{
    long status = status_of(exchange->rest);
    *ret_retryable = false;
    if (exchange->is_too_large || exchange->is_range_wrong || exchange->is_file_broken)
        return fail_local(exchange, ret_retryable, failure);
    if (code != CURLE_OK)
        return fail_transport(exchange, code, ret_retryable, failure);
    if (status >= 200 && status <= 299)
        return ERR_OK;
    return problem_to_failure(status, bytes_of(exchange->body, exchange->length), ret_retryable,
                              failure);
}

static int64_t retry_after_of(const struct rest *rest)
{
    curl_off_t seconds = 0;
    (void)curl_easy_getinfo(rest->curl, CURLINFO_RETRY_AFTER, &seconds);
    return seconds > 0 ? seconds : 0;
}

/* ---- attempts ---- */

static bool set_request(struct rest *rest, const char *path, const char *body)
{
    char url[URL_MAX + 512];
    int n = snprintf(url, sizeof url, "%s%s", rest->url, path);
    CURLcode method = body != NULL ? curl_easy_setopt(rest->curl, CURLOPT_COPYPOSTFIELDS, body)
                                   : curl_easy_setopt(rest->curl, CURLOPT_HTTPGET, 1L);
    return n > 0 && n < (int)sizeof url && method == CURLE_OK &&
           curl_easy_setopt(rest->curl, CURLOPT_URL, url) == CURLE_OK;
}

static CURLcode perform(struct exchange *exchange)
{
    struct rest *rest = exchange->rest;
    rest->problem[0] = '\0';
    exchange->length = 0;
    exchange->body[0] = '\0';
    if (curl_easy_setopt(rest->curl, CURLOPT_WRITEDATA, exchange) != CURLE_OK)
        return CURLE_FAILED_INIT;
    return curl_easy_perform(rest->curl);
}

static long attempt_timeout_ms(const struct rest_retry *retry)
{
    long left = deadline_left_ms(retry->deadline);
    if (left < 1)
        left = 1; /* libcurl takes 0 for "none" */
    return left < ATTEMPT_TIMEOUT_MS ? left : ATTEMPT_TIMEOUT_MS;
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
        e = judge(&exchange, perform(&exchange), &is_retryable, failure);
    } while (e != ERR_OK && is_retryable && rest_retry_wait(&retry, retry_after_of(rest)));
    if (e != ERR_OK) {
        free(exchange.body);
        return e;
    }
    *ret_answer = (struct rest_answer){
        .status = status_of(rest), .body = exchange.body, .length = exchange.length};
    return ERR_OK;
}

enum error rest_ask(struct rest *rest, const char *path, const char *body,
                    struct rest_answer *ret_answer, struct failure *failure)
{
    if (!set_request(rest, path, body))
        return failure_set_memory(failure);
    return exchange_until_answered(rest, ret_answer, failure);
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
    enum error e = judge(exchange, perform(exchange), ret_retryable, failure);
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
    } while (e != ERR_OK && is_retryable && rest_retry_wait(&retry, retry_after_of(rest)));
    (void)curl_easy_setopt(rest->curl, CURLOPT_RANGE, NULL);
    (void)curl_easy_setopt(rest->curl, CURLOPT_LOW_SPEED_TIME, 0L);
    free(exchange.body);
    return e;
}
