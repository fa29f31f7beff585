/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* libcurl's multi interface: one handle per member, whose connection the pool keeps for it. */
#include "crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <curl/curl.h>

#include "core/bytes.h"
#include "rig/exchange.h"

#define URL_MAX          512
#define HOSTS_PER_SUBNET 250
#define US_PER_S         1000000
#define NS_PER_US        1000
#define UNTIL_MAX_MS     1000

struct buffer {
    char *data; /* with a NUL, once it holds anything */
    size_t length;
    size_t room;
};

struct seat {
    CURL *curl;
    bool is_waiting;
    const char *path; /* of the request under way; kept in url */
    const char *request;
    char url[URL_MAX];
    struct buffer headers;
    struct buffer body;
};

struct crowd {
    CURLM *multi;
    struct curl_slist *headers;
    const char *url;
    const char *ca_file;
    crowd_take *take;
    void *context;
    int timer;
    size_t members;
    size_t busy;
    struct seat seats[CROWD_MEMBERS_MAX];
};

static void *need(void *pointer)
{
    if (pointer == NULL) {
        (void)fputs("crowd: out of memory\n", stderr);
        abort();
    }
    return pointer;
}

struct crowd *crowd_new(const char *url, const char *ca_file, crowd_take *take, void *context)
{
    struct crowd *crowd = need(calloc(1, sizeof *crowd));
    crowd->multi = need(curl_multi_init());
    crowd->headers = need(curl_slist_append(NULL, "Content-Type: application/json"));
    crowd->headers = need(curl_slist_append(crowd->headers, "Accept: application/json"));
    crowd->headers = need(curl_slist_append(crowd->headers, "Expect:"));
    crowd->url = url;
    crowd->ca_file = ca_file;
    crowd->take = take;
    crowd->context = context;
    (void)curl_multi_setopt(crowd->multi, CURLMOPT_MAXCONNECTS, (long)CROWD_MEMBERS_MAX);
    crowd->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (crowd->timer < 0)
        abort();
    return crowd;
}

void crowd_free(struct crowd *crowd)
{
    if (crowd == NULL)
        return;
    for (size_t i = 0; i < crowd->members; i++) {
        (void)curl_multi_remove_handle(crowd->multi, crowd->seats[i].curl);
        curl_easy_cleanup(crowd->seats[i].curl);
        free(crowd->seats[i].headers.data);
        free(crowd->seats[i].body.data);
    }
    (void)curl_multi_cleanup(crowd->multi);
    (void)close(crowd->timer);
    curl_slist_free_all(crowd->headers);
    free(crowd);
}

static size_t take_bytes(char *data, size_t size, size_t count, void *context)
{
    struct buffer *buffer = context;
    size_t length = size * count;
    if (buffer->length + length >= buffer->room) {
        buffer->room = 2 * (buffer->length + length) + 1;
        buffer->data = need(realloc(buffer->data, buffer->room));
    }
    memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
    return length;
}

static void set_pem(CURL *curl, CURLoption option, const char *pem)
{
    struct curl_blob blob = {
        .data = (void *)(uintptr_t)pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY};
    (void)curl_easy_setopt(curl, option, &blob);
}

static void set_address(CURL *curl, unsigned address)
{
    char host[32];
    (void)snprintf(host, sizeof host, "host!127.1.%u.%u", address / HOSTS_PER_SUBNET % 250,
                   address % HOSTS_PER_SUBNET + 1);
    (void)curl_easy_setopt(curl, CURLOPT_INTERFACE, host);
}

void crowd_join(struct crowd *crowd, const struct crowd_member *member)
{
    if (crowd->members == CROWD_MEMBERS_MAX)
        abort();
    struct seat *seat = &crowd->seats[crowd->members];
    CURL *curl = need(curl_easy_init());
    (void)curl_easy_setopt(curl, CURLOPT_CAINFO, crowd->ca_file);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)CROWD_ANSWER_TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &seat->body);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, &seat->headers);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, crowd->headers);
    (void)curl_easy_setopt(curl, CURLOPT_PRIVATE, (void *)(uintptr_t)crowd->members);
    if (member->certificate != NULL) {
        set_pem(curl, CURLOPT_SSLCERT_BLOB, member->certificate);
        set_pem(curl, CURLOPT_SSLKEY_BLOB, member->key);
    }
    (void)curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, member->is_fresh ? 1L : 0L);
    set_address(curl, member->address);
    seat->curl = curl;
    crowd->members++;
}

void crowd_send(struct crowd *crowd, size_t member, const char *path, const char *body)
{
    struct seat *seat = &crowd->seats[member];
    if (seat->is_waiting)
        abort();
    (void)snprintf(seat->url, sizeof seat->url, "%s%s", crowd->url, path);
    seat->path = seat->url + strlen(crowd->url);
    seat->request = body;
    (void)curl_easy_setopt(seat->curl, CURLOPT_URL, seat->url);
    (void)curl_easy_setopt(seat->curl, CURLOPT_HTTPGET, 1L);
    if (body != NULL)
        (void)curl_easy_setopt(seat->curl, CURLOPT_POSTFIELDS, body);
    seat->is_waiting = true;
    seat->headers.length = 0;
    seat->body.length = 0;
    crowd->busy++;
    (void)curl_multi_add_handle(crowd->multi, seat->curl);
}

bool crowd_is_waiting(const struct crowd *crowd, size_t member)
{
    return crowd->seats[member].is_waiting;
}

size_t crowd_busy(const struct crowd *crowd)
{
    return crowd->busy;
}

/* For the judge of the contract, in a test. */
static void keep(const struct seat *seat, long status)
{
    struct exchange exchange = {
        .method = seat->request != NULL ? "POST" : "GET",
        .path = seat->path,
        .status = status,
        .headers = bytes_of(seat->headers.data, seat->headers.length),
        .body = bytes_of(seat->body.length > 0 ? seat->body.data : "", seat->body.length),
        .length = (int64_t)seat->body.length,
    };
    if (seat->request != NULL)
        exchange.request = bytes_of(seat->request, strlen(seat->request));
    if (!exchange_keep(&exchange)) {
        (void)fputs("crowd: the exchange cannot be kept\n", stderr);
        abort();
    }
}

static void take_answer(struct crowd *crowd, CURL *curl, CURLcode result)
{
    void *number = NULL;
    curl_off_t took_us = 0;
    long connects = 0;
    struct crowd_answer answer = {0};
    (void)curl_easy_getinfo(curl, CURLINFO_PRIVATE, &number);
    (void)curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &took_us);
    (void)curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
    if (result == CURLE_OK)
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    answer.member = (size_t)(uintptr_t)number;
    answer.took_us = took_us;
    answer.is_connection_new = connects > 0;
    struct seat *seat = &crowd->seats[answer.member];
    answer.body = seat->body.length > 0 ? seat->body.data : "";
    answer.headers = seat->headers.length > 0 ? seat->headers.data : "";
    keep(seat, answer.status);
    (void)curl_multi_remove_handle(crowd->multi, curl);
    seat->is_waiting = false;
    crowd->busy--;
    crowd->take(crowd->context, &answer);
}

/* Sends what can be sent, and takes what has come. */
static void perform(struct crowd *crowd)
{
    int running = 0;
    int left = 0;
    CURLMsg *message = NULL;
    (void)curl_multi_perform(crowd->multi, &running);
    while ((message = curl_multi_info_read(crowd->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE)
            take_answer(crowd, message->easy_handle, message->data.result);
    }
}

void crowd_drive(struct crowd *crowd, int timeout_ms)
{
    (void)curl_multi_poll(crowd->multi, NULL, 0, timeout_ms, NULL);
    perform(crowd);
}

void crowd_drive_until(struct crowd *crowd, int64_t until_us)
{
    struct curl_waitfd due = {.fd = crowd->timer, .events = CURL_WAIT_POLLIN};
    const struct itimerspec at = {
        .it_value = {.tv_sec = until_us / US_PER_S, .tv_nsec = until_us % US_PER_S * NS_PER_US}};
    (void)timerfd_settime(crowd->timer, TFD_TIMER_ABSTIME, &at, NULL);
    (void)curl_multi_poll(crowd->multi, &due, 1, UNTIL_MAX_MS, NULL);
    perform(crowd);
}
