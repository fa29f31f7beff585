/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One attempt of a question: where its bytes go, and what its end means. Owns no state. */
#include "cli/rest_exchange.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "cli/problem.h"

/* ---- where bytes go ---- */

long rest_status_of(const struct rest *rest)
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
    if (!exchange->is_begun && !begin_file(exchange, rest_status_of(exchange->rest)))
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

size_t rest_take_bytes(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t length = size * count; /* libcurl: size is always 1 */
    long status = rest_status_of(exchange->rest);
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

/*
 * The server hung up before TLS was set up, without a word: that is how provisiond refuses what is
 * beyond its limits of connections.
 */
static bool is_turned_away(const struct rest *rest, CURLcode code)
{
    return code == CURLE_SSL_CONNECT_ERROR && (strstr(rest->problem, "SYSCALL") != NULL ||
                                               strstr(rest->problem, "unexpected eof") != NULL ||
                                               strstr(rest->problem, "reset by peer") != NULL);
}

static enum error fail_turned_away(const struct rest *rest, bool *ret_retryable,
                                   struct failure *failure)
{
    *ret_retryable = true;
    return failure_set_plain(failure, ERR_LINK_CLOSED,
                             "%s closed the connection before it was asked. Perhaps there are too "
                             "many connections from this address, or to the server altogether "
                             "(connections_per_address and connections in its configuration). Let "
                             "other programs here close theirs and try again; or does --url name "
                             "another service?",
                             rest->url);
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
    if (is_turned_away(rest, code))
        return fail_turned_away(rest, ret_retryable, failure);
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

enum error rest_judge(struct exchange *exchange, CURLcode code, bool *ret_retryable,
                      struct failure *failure)
{
    long status = rest_status_of(exchange->rest);
    *ret_retryable = false;
    if (exchange->is_too_large || exchange->is_range_wrong || exchange->is_file_broken)
        return fail_local(exchange, ret_retryable, failure);
    if (code != CURLE_OK)
        return fail_transport(exchange, code, ret_retryable, failure);
    if (status >= 200 && status <= 299)
        return ERR_OK;
    enum error e = problem_to_failure(status, bytes_of(exchange->body, exchange->length),
                                      ret_retryable, failure);
    failure_set_retry_after(failure, rest_retry_after_of(exchange->rest));
    return e;
}

int64_t rest_retry_after_of(const struct rest *rest)
{
    curl_off_t seconds = 0;
    (void)curl_easy_getinfo(rest->curl, CURLINFO_RETRY_AFTER, &seconds);
    return seconds > 0 ? seconds : 0;
}

CURLcode rest_perform(struct exchange *exchange)
{
    struct rest *rest = exchange->rest;
    rest->problem[0] = '\0';
    exchange->length = 0;
    exchange->body[0] = '\0';
    if (curl_easy_setopt(rest->curl, CURLOPT_WRITEDATA, exchange) != CURLE_OK)
        return CURLE_FAILED_INIT;
    return curl_easy_perform(rest->curl);
}
