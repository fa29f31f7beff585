/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* HTTPS through libcurl: one attempt is a struct attempt, the loops around it retry. */
#include "rig/station/rest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "core/clock.h"
#include "rig/exchange.h"
#include "rig/station/control.h"

#define CONNECT_TIMEOUT_MS 5000L
#define ATTEMPT_TIMEOUT_MS 15000L /* longer than the service waits for its own parts */
#define STALL_S            10L
#define PAUSE_MIN_MS       100
#define PAUSE_MAX_MS       4000
#define RETRY_AFTER_MAX_S  30
#define URL_MAX            2048
#define DOWNLOAD_RENEWALS  10
#define HEADERS_MAX        4096

struct station_rest {
    char url[URL_MAX];
    int64_t retry_ms;
    CURL *curl;
    struct curl_slist *json_headers;
    uint8_t body[STATION_ANSWER_MAX_BYTES];
};

struct attempt {
    struct station_rest *rest;
    const char *path;
    const char *question; /* the body that is sent; NULL: none */
    size_t length;        /* of rest->body */
    int fd;               /* where content goes; -1 */
    int64_t offset;
    int64_t end; /* of the file, now */
    bool is_begun;
    bool is_too_large;
    bool is_range_wrong;
    bool is_file_broken;
    int native;
};

/* How long one question is asked again. */
struct patience {
    deadline_ms deadline;
    int64_t pause_ms;
};

/* ---- set-up ---- */

static int check_stop(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)context, (void)a, (void)b, (void)c, (void)d;
    return station_control_is_stopping() ? 1 : 0;
}

static size_t take_bytes(char *data, size_t size, size_t count, void *context);

/* Only the given CA is trusted: without the empty CAPATH libcurl would add the system's own. */
static bool set_tls(CURL *curl, const struct station_rest_options *options)
{
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLCERT, options->certificate) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLKEY, options->key) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_KEYPASSWD, "") == CURLE_OK;
}

static bool set_transport(CURL *curl)
{
    return curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "rig-station") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_stop) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes) == CURLE_OK;
}

static bool set_headers(struct station_rest *rest)
{
    rest->json_headers = curl_slist_append(NULL, "Content-Type: application/json");
    return rest->json_headers != NULL && curl_slist_append(rest->json_headers, "Expect:") != NULL;
}

/* Nothing may stand behind host and port: the paths of the API are ours. */
static bool url_is_valid(const char *url)
{
    static const char scheme[] = "https://";
    return strncmp(url, scheme, sizeof scheme - 1) == 0 && strlen(url) < URL_MAX - 256 &&
           url[sizeof scheme - 1] != '\0' && strpbrk(url + sizeof scheme - 1, "/?#") == NULL;
}

enum error station_rest_new(const struct station_rest_options *options,
                            struct station_rest **ret_rest, struct fault *fault)
{
    if (!url_is_valid(options->url))
        return fault_set(fault, ERR_CONFIG, "url", "The address is not https://HOST[:PORT].", 0);
    struct station_rest *rest = calloc(1, sizeof *rest);
    if (rest == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "There is no memory.", 0);
    (void)snprintf(rest->url, sizeof rest->url, "%s", options->url);
    rest->retry_ms = options->retry_ms;
    rest->curl = curl_easy_init();
    if (rest->curl == NULL || !set_tls(rest->curl, options) || !set_transport(rest->curl) ||
        !set_headers(rest)) {
        station_rest_free(rest);
        return fault_set(fault, ERR_CONFIG, "tls-setup", "libcurl cannot be set up.", 0);
    }
    *ret_rest = rest;
    return ERR_OK;
}

void station_rest_free(struct station_rest *rest)
{
    if (rest == NULL)
        return;
    curl_easy_cleanup(rest->curl);
    curl_slist_free_all(rest->json_headers);
    free(rest);
}

/* ---- where bytes go ---- */

static long status_of(const struct station_rest *rest)
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
static bool begin_file(struct attempt *attempt, long status)
{
    attempt->is_begun = true;
    if (status == 206) {
        attempt->is_range_wrong = range_begin(attempt->rest->curl) != attempt->offset;
        return !attempt->is_range_wrong;
    }
    attempt->end = 0;
    attempt->is_file_broken = ftruncate(attempt->fd, 0) != 0;
    attempt->native = errno;
    return !attempt->is_file_broken;
}

static size_t take_content(struct attempt *attempt, const char *data, size_t length)
{
    if (!attempt->is_begun && !begin_file(attempt, status_of(attempt->rest)))
        return 0;
    attempt->is_too_large = attempt->end + (int64_t)length > STATION_IMAGE_MAX_BYTES;
    if (attempt->is_too_large)
        return 0;
    for (size_t done = 0; done < length;) {
        ssize_t n = pwrite(attempt->fd, data + done, length - done, attempt->end);
        if (n <= 0) {
            attempt->is_file_broken = true;
            attempt->native = errno;
            return 0;
        }
        done += (size_t)n;
        attempt->end += n;
    }
    return length;
}

static size_t take_bytes(char *data, size_t size, size_t count, void *context)
{
    struct attempt *attempt = context;
    size_t length = size * count; /* libcurl: size is always 1 */
    long status = status_of(attempt->rest);
    if (attempt->fd >= 0 && (status == 200 || status == 206))
        return take_content(attempt, data, length);
    attempt->is_too_large = length > STATION_ANSWER_MAX_BYTES - attempt->length;
    if (attempt->is_too_large)
        return 0;
    memcpy(attempt->rest->body + attempt->length, data, length);
    attempt->length += length;
    return length;
}

/* ---- how an attempt ended ---- */

static enum error judge_transport(CURLcode code, bool *ret_retryable, struct fault *fault)
{
    *ret_retryable = false;
    switch (code) {
    case CURLE_OK:
        return ERR_OK;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return fault_set(fault, ERR_CONFIG, "tls-refused",
                         "The service or the TLS files are not trusted.", (long)code);
    case CURLE_ABORTED_BY_CALLBACK:
        return fault_set(fault, ERR_TIMEOUT, "stopped", "The station shall stop.", 0);
    default:
        *ret_retryable = true;
        return fault_set(fault, ERR_VAULT_UNAVAILABLE, "unreachable",
                         "The service cannot be reached.", (long)code);
    }
}

static enum error judge(const struct attempt *attempt, CURLcode code, bool *ret_retryable,
                        struct fault *fault)
{
    struct station_problem problem;
    long status = status_of(attempt->rest);
    *ret_retryable = false;
    if (attempt->is_too_large)
        return fault_set(fault, ERR_TOO_LARGE, "answer-too-large", "The answer is too large.", 0);
    if (attempt->is_range_wrong)
        return fault_set(fault, ERR_BAD_REQUEST, "range-wrong", "Another range was sent.", 0);
    if (attempt->is_file_broken)
        return fault_set(fault, ERR_CONFIG, "file-write", "The file cannot be written.",
                         attempt->native);
    if (code != CURLE_OK)
        return judge_transport(code, ret_retryable, fault);
    if (status >= 200 && status <= 299)
        return ERR_OK;
    station_answer_problem(status, bytes_of(attempt->rest->body, attempt->length), &problem);
    *ret_retryable = problem.is_retryable;
    if (problem.is_retryable)
        return fault_set(fault, ERR_VAULT_UNAVAILABLE, "unavailable", "The service cannot now.",
                         status);
    return ERR_OK;
}

/* ---- patience ---- */

static struct patience patience_new(int64_t retry_ms)
{
    return (struct patience){.deadline = deadline_in(retry_ms), .pause_ms = PAUSE_MIN_MS};
}

/* Stations that lost the same service must not come back in step. */
static int64_t with_jitter(int64_t pause_ms)
{
    uint16_t noise = 0;
    random_fill(&noise, sizeof noise);
    return pause_ms + pause_ms / 2 * noise / UINT16_MAX;
}

static int64_t retry_after_ms(const struct station_rest *rest)
{
    curl_off_t seconds = 0;
    (void)curl_easy_getinfo(rest->curl, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds < 0)
        return 0;
    return (seconds < RETRY_AFTER_MAX_S ? (int64_t)seconds : RETRY_AFTER_MAX_S) * 1000;
}

/* Waits before the next attempt; false when that would be too late, or the station shall stop. */
static bool patience_wait(struct patience *patience, const struct station_rest *rest)
{
    int64_t pause = with_jitter(patience->pause_ms);
    int64_t wanted = retry_after_ms(rest);
    if (wanted > pause)
        pause = wanted;
    patience->pause_ms *= 2;
    if (patience->pause_ms > PAUSE_MAX_MS)
        patience->pause_ms = PAUSE_MAX_MS;
    return pause < deadline_left_ms(patience->deadline) && station_control_pause(pause);
}

/* ---- questions ---- */

/* The headers as a text again, for the judge. */
static struct bytes headers_of(CURL *curl, char text[HEADERS_MAX])
{
    struct curl_header *header = NULL;
    size_t length = (size_t)snprintf(text, HEADERS_MAX, "HTTP/1.1\r\n");
    while ((header = curl_easy_nextheader(curl, CURLH_HEADER, -1, header)) != NULL) {
        int n = snprintf(text + length, HEADERS_MAX - length, "%s: %s\r\n", header->name,
                         header->value);
        if (n < 0 || (size_t)n >= HEADERS_MAX - length)
            break;
        length += (size_t)n;
    }
    return bytes_of(text, length);
}

/* What cannot be kept is the judge's loss, not the line's. */
static void keep(const struct attempt *attempt)
{
    char headers[HEADERS_MAX];
    struct station_rest *rest = attempt->rest;
    bool is_content = attempt->fd >= 0 && attempt->is_begun;
    const struct exchange exchange = {
        .method = attempt->question != NULL ? "POST" : "GET",
        .path = attempt->path,
        .request =
            bytes_of(attempt->question, attempt->question != NULL ? strlen(attempt->question) : 0),
        .status = status_of(rest),
        .headers = headers_of(rest->curl, headers),
        .body = bytes_of(is_content ? NULL : rest->body, attempt->length),
        .length = is_content ? attempt->end - attempt->offset : (int64_t)attempt->length,
    };
    (void)!exchange_keep(&exchange);
}

static CURLcode perform(struct attempt *attempt)
{
    CURL *curl = attempt->rest->curl;
    attempt->length = 0;
    if (curl_easy_setopt(curl, CURLOPT_WRITEDATA, attempt) != CURLE_OK)
        return CURLE_FAILED_INIT;
    station_control_step();
    CURLcode code = curl_easy_perform(curl);
    station_control_step();
    if (code == CURLE_OK)
        keep(attempt);
    return code;
}

static bool set_request(struct station_rest *rest, const char *path, const char *body)
{
    char url[URL_MAX];
    CURL *curl = rest->curl;
    int n = snprintf(url, sizeof url, "%s%s", rest->url, path);
    CURLcode method = body != NULL ? curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body)
                                   : curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    return n > 0 && n < (int)sizeof url && method == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, rest->json_headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ATTEMPT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_RANGE, NULL) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK;
}

enum error station_rest_ask(struct station_rest *rest, const char *path, const char *body,
                            struct station_rest_answer *ret_answer, struct fault *fault)
{
    struct attempt attempt = {.rest = rest, .path = path, .question = body, .fd = -1};
    struct patience patience = patience_new(rest->retry_ms);
    bool is_retryable = false;
    enum error e = ERR_OK;
    if (!set_request(rest, path, body))
        return fault_set(fault, ERR_INTERNAL, "request", "The request cannot be made.", 0);
    do {
        e = judge(&attempt, perform(&attempt), &is_retryable, fault);
    } while (e != ERR_OK && is_retryable && patience_wait(&patience, rest));
    if (e != ERR_OK)
        return e;
    *ret_answer = (struct station_rest_answer){.status = status_of(rest),
                                               .body = bytes_of(rest->body, attempt.length)};
    return ERR_OK;
}

/* ---- downloads ---- */

static bool set_range(struct station_rest *rest, int64_t offset)
{
    char range[32];
    (void)snprintf(range, sizeof range, "%" PRId64 "-", offset);
    return curl_easy_setopt(rest->curl, CURLOPT_RANGE, offset > 0 ? range : NULL) == CURLE_OK;
}

/* A part that already has everything is answered 416: its digest will tell. */
static enum error judge_content(const struct attempt *attempt, struct fault *fault)
{
    long status = status_of(attempt->rest);
    if (status == 200 || status == 206 || (status == 416 && attempt->offset > 0))
        return ERR_OK;
    return fault_set(fault, ERR_IMAGE_UNKNOWN, "image-refused",
                     "The service does not give this image.", status);
}

static enum error download_once(struct attempt *attempt, bool *ret_retryable, struct fault *fault)
{
    *ret_retryable = false;
    attempt->offset = lseek(attempt->fd, 0, SEEK_END);
    attempt->end = attempt->offset;
    attempt->is_begun = false;
    if (attempt->offset < 0 || !set_range(attempt->rest, attempt->offset))
        return fault_set(fault, ERR_CONFIG, "file-write", "The file cannot be read.", errno);
    enum error e = judge(attempt, perform(attempt), ret_retryable, fault);
    return e == ERR_OK ? judge_content(attempt, fault) : e;
}

static enum error download(struct station_rest *rest, const char *path, int fd, struct fault *fault)
{
    struct attempt attempt = {.rest = rest, .path = path, .fd = fd};
    struct patience patience = patience_new(rest->retry_ms);
    /* A service that lets each attempt get a little further must not hold the line for ever. */
    deadline_ms end = deadline_in(DOWNLOAD_RENEWALS * rest->retry_ms);
    bool is_retryable = false;
    enum error e = ERR_OK;
    do {
        e = download_once(&attempt, &is_retryable, fault);
        if (attempt.end > attempt.offset && deadline_left_ms(end) > 0)
            patience = patience_new(rest->retry_ms);
    } while (e != ERR_OK && is_retryable && patience_wait(&patience, rest));
    return e;
}

/* The ETag of an image is its digest in quotes. */
static struct curl_slist *make_if_range(const char *reference)
{
    char line[IMAGE_REFERENCE_SIZE + 32];
    (void)snprintf(line, sizeof line, "If-Range: \"%s\"", reference);
    return curl_slist_append(NULL, line);
}

enum error station_rest_download(struct station_rest *rest, const struct sha256 *digest, int fd,
                                 struct fault *fault)
{
    char reference[IMAGE_REFERENCE_SIZE];
    char path[128];
    image_reference_format(digest, reference);
    (void)snprintf(path, sizeof path, "/v1/images/%s/content", reference);
    struct curl_slist *headers = make_if_range(reference);
    enum error e = fault_set(fault, ERR_INTERNAL, "request", "The request cannot be made.", 0);
    if (headers != NULL && set_request(rest, path, NULL) &&
        curl_easy_setopt(rest->curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
        curl_easy_setopt(rest->curl, CURLOPT_TIMEOUT_MS, 0L) == CURLE_OK &&
        curl_easy_setopt(rest->curl, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
        curl_easy_setopt(rest->curl, CURLOPT_LOW_SPEED_TIME, STALL_S) == CURLE_OK)
        e = download(rest, path, fd, fault);
    (void)curl_easy_setopt(rest->curl, CURLOPT_HTTPHEADER, rest->json_headers);
    curl_slist_free_all(headers);
    return e;
}
