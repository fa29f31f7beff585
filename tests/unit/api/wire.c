/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Sockets, and libcurl for the TLS under which the bytes are ours. */
#include "wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>
#include <curl/curl.h>

#include "core/clock.h"
#include "front.h"

#define PACE_MS      50
#define PATIENCE_MS  20000
#define NARROW_BYTES 65536

struct wire {
    int socket;
    CURL *easy; /* NULL: plain TCP */
};

static struct wire *new_wire(void)
{
    struct wire *wire = calloc(1, sizeof *wire);
    ck_assert_ptr_nonnull(wire);
    return wire;
}

struct wire *wire_connect(void)
{
    struct wire *wire = new_wire();
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(api_port(front.api)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    wire->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(wire->socket, (struct sockaddr *)&address, sizeof address), 0);
    return wire;
}

static int narrow(void *context, curl_socket_t socket, curlsocktype purpose)
{
    const int size = NARROW_BYTES;
    (void)context;
    (void)purpose;
    ck_assert_int_eq(setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    return CURL_SOCKOPT_OK;
}

static struct wire *connect_tls(curl_sockopt_callback prepare)
{
    char url[64];
    curl_socket_t socket = CURL_SOCKET_BAD;
    struct wire *wire = new_wire();
    wire->easy = curl_easy_init();
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", (unsigned)api_port(front.api));
    (void)curl_easy_setopt(wire->easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(wire->easy, CURLOPT_CONNECT_ONLY, 1L);
    (void)curl_easy_setopt(wire->easy, CURLOPT_SOCKOPTFUNCTION, prepare);
    (void)curl_easy_setopt(wire->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(wire->easy, CURLOPT_CAINFO, front_pki_path("ca", "pem"));
    (void)curl_easy_setopt(wire->easy, CURLOPT_SSLCERT, front_pki_path("station", "pem"));
    (void)curl_easy_setopt(wire->easy, CURLOPT_SSLKEY, front_pki_path("station", "key"));
    ck_assert_int_eq(curl_easy_perform(wire->easy), CURLE_OK);
    ck_assert_int_eq(curl_easy_getinfo(wire->easy, CURLINFO_ACTIVESOCKET, &socket), CURLE_OK);
    wire->socket = socket;
    return wire;
}

struct wire *wire_connect_tls(void)
{
    return connect_tls(NULL);
}

struct wire *wire_connect_narrow(void)
{
    return connect_tls(narrow);
}

void wire_close(struct wire *wire)
{
    if (wire->easy != NULL)
        curl_easy_cleanup(wire->easy);
    else
        (void)close(wire->socket);
    free(wire);
}

/* Bytes that went; -1: none, the connection is closed. */
static ssize_t send_some(struct wire *wire, const char *data, size_t length)
{
    size_t sent = 0;
    if (wire->easy == NULL)
        return send(wire->socket, data, length, MSG_NOSIGNAL);
    CURLcode code = curl_easy_send(wire->easy, data, length, &sent);
    return code == CURLE_OK || code == CURLE_AGAIN ? (ssize_t)sent : -1;
}

static bool send_bytes(struct wire *wire, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t n = send_some(wire, data, length);
        if (n < 0)
            return false;
        data += n;
        length -= (size_t)n;
        struct pollfd entry = {.fd = wire->socket, .events = POLLOUT};
        if (length > 0)
            ck_assert_int_eq(poll(&entry, 1, PATIENCE_MS), 1);
    }
    return true;
}

bool wire_send(struct wire *wire, const char *text)
{
    return send_bytes(wire, text, strlen(text));
}

/* Bytes that came; -1: nothing yet; 0: closed. */
static ssize_t receive(struct wire *wire, char *out, size_t size)
{
    size_t got = 0;
    if (wire->easy == NULL)
        return recv(wire->socket, out, size, MSG_DONTWAIT);
    CURLcode code = curl_easy_recv(wire->easy, out, size, &got);
    if (code == CURLE_AGAIN)
        return -1;
    return code == CURLE_OK ? (ssize_t)got : 0;
}

size_t wire_take(struct wire *wire, size_t most)
{
    char text[4096];
    size_t taken = 0;
    ssize_t n = 1;
    while (n > 0 && taken < most) {
        n = receive(wire, text, most - taken < sizeof text ? most - taken : sizeof text);
        taken += n > 0 ? (size_t)n : 0;
    }
    return taken;
}

void wire_exchange(struct wire *wire, const char *text, const char *status)
{
    char answer[4096] = "";
    size_t length = 0;
    ck_assert(wire_send(wire, text));
    while (strchr(answer, '}') == NULL) {
        struct pollfd entry = {.fd = wire->socket, .events = POLLIN};
        ck_assert_int_eq(poll(&entry, 1, PATIENCE_MS), 1);
        ssize_t n = receive(wire, answer + length, sizeof answer - 1 - length);
        ck_assert_int_ne(n, 0);
        length += n > 0 ? (size_t)n : 0;
        answer[length] = '\0';
    }
    ck_assert_msg(strncmp(answer, status, strlen(status)) == 0, "%s", answer);
}

bool wire_is_cut(struct wire *wire)
{
    char text[1024];
    struct pollfd entry = {.fd = wire->socket, .events = POLLIN};
    while (poll(&entry, 1, 0) == 1) {
        ssize_t n = receive(wire, text, sizeof text);
        if (n == 0 || (n < 0 && wire->easy == NULL))
            return true;
        if (n < 0)
            return false;
    }
    return false;
}

int64_t wire_time_until_cut(struct wire *wire, const char *text)
{
    int64_t started = clock_monotonic_ms();
    for (size_t i = 0; !wire_is_cut(wire); i++) {
        ck_assert_int_lt(clock_monotonic_ms() - started, PATIENCE_MS);
        if (text != NULL && !send_bytes(wire, &text[i % strlen(text)], 1))
            break;
        (void)poll(NULL, 0, PACE_MS);
    }
    return clock_monotonic_ms() - started;
}
