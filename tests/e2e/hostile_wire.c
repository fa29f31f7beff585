/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* libcurl makes the TLS connection and lends it; what goes over it is not HTTP that it would send.
 */
#include "e2e/hostile_wire.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>
#include <curl/curl.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "rig/exchange.h"

#define HANDSHAKE_TIMEOUT_S 30L
#define ANSWER_TIMEOUT_MS   30000 /* for what must have an answer */
#define REFUSAL_TIMEOUT_MS  2000  /* for what should have one */
#define PATIENCE_MS         300   /* for what need not have one */
#define SEND_TIMEOUT_MS     10000
#define PIECES              12
#define PAUSE_US            8000
#define PIECE_MAX           16384
#define BODY_KEPT_MAX       65536

static int port_of(const struct rig *rig)
{
    return (int)strtol(strrchr(rig->url, ':') + 1, NULL, 10);
}

/* ---- the answer ---- */

static const char *header(const struct hostile_answer *answer, const char *line_begin)
{
    const char *found = strcasestr(answer->head.data, line_begin);
    return found != NULL ? found + strlen(line_begin) : NULL;
}

static void read_head(const struct text *head, struct hostile_answer *answer)
{
    static const char version[] = "HTTP/1.";
    if (strncmp(head->data, version, strlen(version)) != 0 || head->length < 12)
        return;
    answer->status = strtol(head->data + strlen(version) + 2, NULL, 10);
    answer->has_retry_after = header(answer, "\r\nRetry-After: ") != NULL;
    const char *length = header(answer, "\r\nContent-Length: ");
    answer->body_length = length != NULL ? strtoul(length, NULL, 10) : 0;
}

/* Takes the head off the bytes that have come, when it is whole. */
static bool take_head(struct text *bytes, struct hostile_answer *answer)
{
    static const char interim[] = "HTTP/1.1 100 ";
    while (answer->head.length == 0) {
        const char *end = bytes->data != NULL ? strstr(bytes->data, "\r\n\r\n") : NULL;
        if (end == NULL)
            return false;
        size_t length = (size_t)(end - bytes->data) + 4;
        if (strncmp(bytes->data, interim, strlen(interim)) != 0)
            text_add(&answer->head, bytes->data, length);
        text_splice(bytes, 0, length, "", 0);
    }
    return true;
}

static bool is_whole(struct text *bytes, bool is_head_request, struct hostile_answer *answer)
{
    if (answer->status == 0 && take_head(bytes, answer))
        read_head(&answer->head, answer);
    return answer->status != 0 && (is_head_request || answer->body_length > BODY_KEPT_MAX ||
                                   bytes->length >= answer->body_length);
}

static void take_body(struct text *bytes, bool is_head_request, struct hostile_answer *answer)
{
    if (is_head_request)
        answer->body_length = 0;
    if (answer->status != 0 && bytes->length == answer->body_length && bytes->length > 0)
        text_add(&answer->body, bytes->data, bytes->length);
    text_clear(bytes);
}

/*
 * The word of the request line that begins there, and where the next one does: the server passes
 * over any number of blanks. A NUL ends a word, too, as it does for the server.
 */
static char *word(const char *begin, const char *end, const char **ret_next)
{
    size_t length = strcspn(begin, " \r\n");
    if (begin + length > end)
        length = (size_t)(end - begin);
    const char *next = begin + length;
    while (next < end && *next == ' ')
        next++;
    *ret_next = next;
    return strndup(begin, length);
}

/* Bytes that are no ASCII as %XX: what is kept is JSON, and the server takes them for the same. */
static char *escape(char *path)
{
    size_t size = 3 * strlen(path) + 1;
    char *out = malloc(size);
    size_t at = 0;
    ck_assert_ptr_nonnull(out);
    for (const char *byte = path; *byte != '\0'; byte++)
        at += (size_t)snprintf(out + at, size - at, (unsigned char)*byte > '~' ? "%%%02X" : "%c",
                               (unsigned char)*byte);
    out[at] = '\0';
    free(path);
    return out;
}

static void keep(const struct hostile_request *request, const struct hostile_answer *answer)
{
    const char *next = request->bytes.data;
    const char *end = next + request->bytes.length;
    char *method = word(next, end, &next);
    char *path = escape(word(next, end, &next));
    const struct exchange exchange = {
        .method = method,
        .path = path,
        .status = answer->status,
        .headers = bytes_of(answer->head.data, answer->head.length),
        .body = bytes_of(answer->body.data, answer->body.length),
        .length = (int64_t)answer->body_length,
        .is_raw = true,
    };
    ck_assert_msg(exchange_keep(&exchange), "the exchange cannot be kept");
    free(method);
    free(path);
}

void hostile_answer_clear(struct hostile_answer *answer)
{
    text_clear(&answer->head);
    text_clear(&answer->body);
}

/* ---- over TLS ---- */

static CURL *connect_tls(const struct rig *rig, const struct hostile_identity *identity)
{
    CURL *curl = curl_easy_init();
    (void)curl_easy_setopt(curl, CURLOPT_URL, rig->url);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, HANDSHAKE_TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CAINFO, rig->ca);
    if (identity->cert[0] != '\0') {
        (void)curl_easy_setopt(curl, CURLOPT_SSLCERT, identity->cert);
        (void)curl_easy_setopt(curl, CURLOPT_SSLKEY, identity->key);
    }
    if (curl_easy_perform(curl) == CURLE_OK)
        return curl;
    curl_easy_cleanup(curl);
    return NULL;
}

static int socket_of(CURL *curl)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    (void)curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd);
    return fd;
}

static bool wait_for(int fd, short events, deadline_ms deadline)
{
    struct pollfd wanted = {.fd = fd, .events = events};
    return poll(&wanted, 1, deadline_left_ms(deadline)) == 1;
}

/* False when the other side does not want more. */
static bool send_tls(CURL *curl, const char *data, size_t length)
{
    deadline_ms deadline = deadline_in(SEND_TIMEOUT_MS);
    while (length > 0) {
        size_t sent = 0;
        CURLcode result = curl_easy_send(curl, data, length, &sent);
        if (result == CURLE_AGAIN && wait_for(socket_of(curl), POLLOUT, deadline))
            continue;
        if (result != CURLE_OK)
            return false;
        data += sent;
        length -= sent;
    }
    return true;
}

static void receive_tls(CURL *curl, int timeout_ms, bool is_head_request,
                        struct hostile_answer *answer)
{
    char piece[PIECE_MAX];
    struct text bytes = {0};
    deadline_ms deadline = deadline_in(timeout_ms);
    while (!is_whole(&bytes, is_head_request, answer)) {
        size_t got = 0;
        CURLcode result = curl_easy_recv(curl, piece, sizeof piece, &got);
        if (result == CURLE_AGAIN && wait_for(socket_of(curl), POLLIN, deadline))
            continue;
        if (result != CURLE_OK || got == 0)
            break;
        text_add(&bytes, piece, got);
    }
    take_body(&bytes, is_head_request, answer);
}

static bool send_slowly(CURL *curl, const struct text *bytes)
{
    size_t piece = bytes->length / PIECES + 1;
    for (size_t at = 0; at < bytes->length; at += piece) {
        size_t left = bytes->length - at;
        if (!send_tls(curl, bytes->data + at, left < piece ? left : piece))
            return false;
        (void)usleep(PAUSE_US);
    }
    return true;
}

static void break_tls(CURL *curl, const struct hostile_request *request)
{
    char byte;
    int fd = socket_of(curl);
    (void)send(fd, request->bytes.data, request->bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (wait_for(fd, POLLIN, deadline_in(PATIENCE_MS)))
        (void)recv(fd, &byte, sizeof byte, MSG_DONTWAIT);
}

static int patience(const struct hostile_request *request, bool is_cut)
{
    if (request->is_untouched)
        return ANSWER_TIMEOUT_MS;
    return request->is_complete && !is_cut ? REFUSAL_TIMEOUT_MS : PATIENCE_MS;
}

static bool is_head_request(const struct text *bytes)
{
    return strncmp(bytes->data, "HEAD ", 5) == 0;
}

static void send_over_tls(const struct rig *rig, const struct hostile_identity *identity,
                          const struct hostile_request *request, struct hostile_answer *answer)
{
    const struct text *bytes = &request->bytes;
    bool is_cut = request->way == HOSTILE_TRUNCATED || request->way == HOSTILE_STALLED ||
                  request->way == HOSTILE_BROKEN_TLS;
    CURL *curl = connect_tls(rig, identity);
    if (curl == NULL)
        return;
    if (request->way == HOSTILE_SLOW)
        (void)send_slowly(curl, bytes);
    else
        (void)send_tls(curl, bytes->data, is_cut ? request->cut : bytes->length);
    if (request->way == HOSTILE_BROKEN_TLS)
        break_tls(curl, request);
    else if (request->way != HOSTILE_TRUNCATED)
        receive_tls(curl, patience(request, is_cut), is_head_request(bytes), answer);
    curl_easy_cleanup(curl);
}

/* ---- without TLS ---- */

static void send_in_clear(const struct rig *rig, const struct hostile_request *request)
{
    char byte;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port_of(rig)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        if (request->way != HOSTILE_SILENT)
            (void)send(fd, request->bytes.data, request->bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (wait_for(fd, POLLIN, deadline_in(PATIENCE_MS)))
            (void)recv(fd, &byte, sizeof byte, MSG_DONTWAIT);
    }
    (void)close(fd);
}

void hostile_send(const struct rig *rig, const struct hostile_identity *identity,
                  const struct hostile_request *request, struct hostile_answer *ret_answer)
{
    *ret_answer = (struct hostile_answer){0};
    if (request->way == HOSTILE_CLEAR || request->way == HOSTILE_TLS_GARBAGE ||
        request->way == HOSTILE_SILENT)
        send_in_clear(rig, request);
    else
        send_over_tls(rig, identity, request, ret_answer);
    keep(request, ret_answer);
}
