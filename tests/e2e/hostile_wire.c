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

#include <curl/curl.h>

#include "core/clock.h"

#define HANDSHAKE_TIMEOUT_S 30L
#define ANSWER_TIMEOUT_MS   30000 /* for what must have an answer */
#define REFUSAL_TIMEOUT_MS  2000  /* for what should have one */
#define PATIENCE_MS         300   /* for what need not have one */
#define SEND_TIMEOUT_MS     10000
#define PIECES              12
#define PAUSE_US            8000

static int port_of(const struct rig *rig)
{
    return (int)strtol(strrchr(rig->url, ':') + 1, NULL, 10);
}

/* ---- the answer ---- */

static bool is_head_whole(struct hostile_answer *answer)
{
    static const char interim[] = "HTTP/1.1 100 ";
    char *end = strstr(answer->head, "\r\n\r\n");
    if (end != NULL && strncmp(answer->head, interim, strlen(interim)) == 0) {
        memmove(answer->head, end + 4, strlen(end + 4) + 1);
        end = strstr(answer->head, "\r\n\r\n");
    }
    return end != NULL;
}

static void read_head(struct hostile_answer *answer)
{
    static const char version[] = "HTTP/1.";
    if (strncmp(answer->head, version, strlen(version)) != 0 || strlen(answer->head) < 12)
        return;
    answer->status = strtol(answer->head + strlen(version) + 2, NULL, 10);
    answer->has_retry_after = strcasestr(answer->head, "\r\nRetry-After: ") != NULL;
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

static void receive_tls(CURL *curl, int timeout_ms, struct hostile_answer *answer)
{
    size_t length = 0;
    deadline_ms deadline = deadline_in(timeout_ms);
    while (length < sizeof answer->head - 1) {
        size_t got = 0;
        CURLcode result =
            curl_easy_recv(curl, answer->head + length, sizeof answer->head - 1 - length, &got);
        if (result == CURLE_AGAIN && wait_for(socket_of(curl), POLLIN, deadline))
            continue;
        if (result != CURLE_OK || got == 0)
            break;
        answer->head[length + got] = '\0';
        if (is_head_whole(answer))
            break;
        length = strlen(answer->head);
    }
    read_head(answer);
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
        receive_tls(curl, patience(request, is_cut), answer);
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
}
